/** A word for bash that means itself, whatever is in it. */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (isPlain(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const codes = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `$'${word.replace(/[\\'{}\n\r\t]/g, codes)}'`;
}

/** Argo takes `{{` for a tag, wherever it stands. */
export function isPlain(text: string): boolean {
  return !text.includes('{{') && !text.includes('}}');
}
