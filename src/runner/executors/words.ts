/**
 * Words as a shell would cut them, with quotes and backslashes and nothing else: the StudioML client
 * quotes its arguments for a shell. Variables, globs and commands stay as they are written.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const one = line[at]!;
    if (one === "'") {
      const end = line.indexOf("'", at + 1);
      if (end === -1) return [...words, (word ?? '') + line.slice(at)];
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (one === '"') {
      const [text, end] = doubleQuoted(line, at + 1);
      word = (word ?? '') + text;
      at = end;
    } else if (one === '\\' && at + 1 < line.length) {
      word = (word ?? '') + line[++at]!;
    } else if (/\s/.test(one)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + one;
  }
  return word === undefined ? words : [...words, word];
}

function doubleQuoted(line: string, from: number): [string, number] {
  let text = '';
  for (let at = from; at < line.length; at++) {
    const one = line[at]!;
    if (one === '"') return [text, at];
    if (one === '\\' && /["\\$`]/.test(line[at + 1] ?? '')) text += line[++at]!;
    else text += one;
  }
  return [text, line.length];
}
