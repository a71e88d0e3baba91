import { END_MARK, FILE_MARK, LARGE_MARK } from './scripts.ts';

export type Output = { files: Map<string, Buffer> } | { tooLarge: number } | undefined;

/** Reads what `COLLECT` has printed; undefined when it did not get to the end. */
export function parseOutput(text: string): Output {
  const lines = text.split(/\r?\n/);
  if (!lines.includes(END_MARK)) return undefined;
  const files = new Map<string, Buffer>();
  let name: string | undefined;
  let body: string[] = [];
  const flush = () => {
    if (name !== undefined) files.set(name, Buffer.from(body.join(''), 'base64'));
    body = [];
  };
  for (const line of lines) {
    const [mark, word = ''] = line.split(' ');
    if (mark === LARGE_MARK) return { tooLarge: Number(word) };
    if (mark === FILE_MARK || mark === END_MARK) {
      flush();
      if (mark === END_MARK) break;
      name = Buffer.from(word, 'base64').toString('utf8');
    } else body.push(line);
  }
  return { files };
}

/**
 * The result of a run: the file that counts, the only one there is, or all as JSON by their names.
 *
 * @param file the one that counts; undefined: all.
 */
export function resultOf(files: ReadonlyMap<string, Buffer>, file: string | undefined): Buffer {
  if (file !== undefined) return files.get(file) ?? Buffer.alloc(0);
  const [first, ...others] = files.values();
  if (first === undefined || others.length === 0) return first ?? Buffer.alloc(0);
  const named = [...files].map(([name, content]) => [name, content.toString('utf8')]);
  return Buffer.from(JSON.stringify(Object.fromEntries(named)));
}
