/** One word of a POSIX shell (XCU 2.2.2): in single quotes everything stands for itself but the quote. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command line as a shell reads it; what needs no quotes has none. */
export function shellWords(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word))).join(' ');
}
