/** One word of a POSIX shell (XCU 2.2.2): in single quotes everything stands for itself but the quote. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
