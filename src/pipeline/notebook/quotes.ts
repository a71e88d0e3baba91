/** Follows a script line by line, and knows whether the next line begins inside of a text. */
export class Quotes {
  private single: string | undefined;
  private triple: string | undefined;
  private readonly python: boolean;
  constructor(language: 'python' | 'r') {
    this.python = language === 'python';
  }

  get open(): boolean {
    return this.single !== undefined || this.triple !== undefined;
  }

  read(line: string): void {
    if (!this.open && line.trimStart().startsWith('#')) return;
    let tripleAt = -1;
    for (let at = 0; at < line.length; at += 1) {
      const char = line[at]!;
      if (!this.open && char === '#') break;
      if ((char !== '"' && char !== "'") || line[at - 1] === '\\') continue;
      if (this.single === char) this.single = undefined;
      else if (this.single === undefined && this.python) {
        const three = line.slice(Math.max(0, at - 2), at + 1) === char.repeat(3) && at >= tripleAt + 3;
        if (three && (this.triple === char || this.triple === undefined)) {
          this.triple = this.triple === undefined ? char : undefined;
          tripleAt = at;
        } else if (this.triple === undefined) this.single = char;
      }
    }
    if (this.python) this.single = undefined;
  }
}
