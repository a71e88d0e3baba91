/** Says whether a path below the folder is left out; folders end with a slash. */
export type Ignore = (path: string) => boolean;

/** Left out unless `.datamillignore` says otherwise: what tools keep beside data, and hidden names. */
const ALWAYS = ['.*', '__pycache__/'];

/**
 * Reads the lines of a `.datamillignore`: as in a `.gitignore`, the last pattern that fits decides,
 * `!` takes back, `/` at the beginning means "only here", at the end "only folders".
 */
export function readIgnore(lines: string): Ignore {
  const rules = [...ALWAYS, ...lines.split(/\r?\n/)]
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const back = line.startsWith('!');
      return { back, pattern: expressionOf(back ? line.slice(1) : line) };
    });
  return (path) => rules.findLast(({ pattern }) => pattern.test(path))?.back === false;
}

function expressionOf(glob: string): RegExp {
  const foldersOnly = glob.endsWith('/');
  const bare = foldersOnly ? glob.slice(0, -1) : glob;
  const anchored = bare.slice(0, -1).includes('/');
  const body = bare.replace(/^\//, '').replace(/\*\*\/|\*+|\?|[\\^$.|+()[\]{}]/g, (one) => {
    if (one === '**/') return '(?:[^/]+/)*';
    if (one.startsWith('**')) return '.*';
    return { '*': '[^/]*', '?': '[^/]' }[one] ?? `\\${one}`;
  });
  return new RegExp(`${anchored ? '^' : '(?:^|/)'}${body}${foldersOnly ? '/$' : '/?$'}`, 'su');
}
