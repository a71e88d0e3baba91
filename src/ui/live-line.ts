import { truncateStyled } from './width.ts';

type Screen = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** One line at the bottom of a terminal that is written over, with lines that stay above it. */
export class LiveLine {
  readonly #screen: Screen;
  #shown = '';

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Shows a text in the place of the one before. Nothing happens where there is no terminal. */
  show(text: string): void {
    if (this.#screen.isTTY !== true || text === this.#shown) return;
    this.#shown = text;
    this.#screen.write(`\r\u001b[2K${truncateStyled(text, (this.#screen.columns ?? 80) - 1)}`);
  }

  /** Writes a line that stays. */
  print(line: string): void {
    const shown = this.#shown;
    this.clear();
    this.#screen.write(`${line}\n`);
    if (shown !== '') this.show(shown);
  }

  clear(): void {
    if (this.#shown === '') return;
    this.#shown = '';
    this.#screen.write('\r\u001b[2K');
  }
}
