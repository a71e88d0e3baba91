/**
 * The SHA-256 digest that `text` publishes for a file. Formats: the digest alone; lines of
 * "DIGEST  FILE" as sha256sum writes them; GitHub's JSON description of a release, whose assets
 * have a `digest` (docs.github.com, REST API, releases).
 */
export function publishedDigest(text: string, file: string): string | undefined {
  const digest = text.trimStart().startsWith('{') ? fromRelease(text, file) : fromLines(text, file);
  return digest !== undefined && /^[0-9a-f]{64}$/i.test(digest) ? digest.toLowerCase() : undefined;
}

function fromLines(text: string, file: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+\*?/));
  const named = lines.find((words) => words[1] === file || words[1] === `./${file}`);
  if (named !== undefined) return named[0];
  const bare = lines.filter((words) => words[0] !== '');
  return bare.length === 1 && bare[0]?.length === 1 ? bare[0][0] : undefined;
}

function fromRelease(text: string, file: string): string | undefined {
  try {
    const release = JSON.parse(text) as { assets?: Array<{ name?: string; digest?: string }> };
    const digest = release.assets?.find((asset) => asset.name === file)?.digest;
    return digest?.startsWith('sha256:') ? digest.slice('sha256:'.length) : undefined;
  } catch {
    return undefined;
  }
}
