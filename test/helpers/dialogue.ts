import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';

/** Sequences of ECMA-48 that colour, move or name things, and the beginning of one at the end. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[^[\]]|[\s\S]*$)/g;

/** The bundled program in a pseudo-terminal of 30 rows and 120 columns, which somebody types in. */
export class Dialogue {
  /** The exit code; 128 and the number of the signal that ended it. */
  readonly ended: Promise<number>;
  readonly #child;
  readonly #waiting = new Set<() => void>();
  #screen = '';
  #read = 0;
  #over = false;

  constructor(args: readonly string[], options: { cwd?: string } = {}) {
    const program = [process.execPath, join(inject('rehearsal').cli, 'cli.js'), ...args];
    const script = join(packageRoot, 'test', 'helpers', 'dialogue.py');
    const env = { ...process.env, CI: undefined, KUBECONFIG: undefined, TERM: 'xterm', NO_COLOR: '1' };
    this.#child = spawn('python3', [script, ...program], {
      cwd: options.cwd,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#screen += chunk.toString();
      for (const check of this.#waiting) check();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#over = true;
        for (const check of this.#waiting) check();
        resolve(code ?? -1);
      });
    });
  }

  /** Everything that was written, without control characters. */
  get screen(): string {
    return this.#screen.replaceAll(CONTROLS, '');
  }

  /**
   * Waits for something that was written after what was waited for before.
   *
   * @throws when the program ends, or half a minute passes, without it.
   */
  async until(pattern: RegExp, seconds = 30): Promise<RegExpExecArray> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const match = pattern.exec(this.screen.slice(this.#read));
      if (match !== null) {
        this.#read += match.index + match[0].length;
        return match;
      }
      const left = deadline - Date.now();
      if (this.#over || left <= 0) throw new Error(`no ${pattern} in:\n${this.screen}`);
      await this.#news(left);
    }
  }

  type(text: string): void {
    this.#say({ type: text });
  }

  resize(rows: number, columns: number): void {
    this.#say({ size: [rows, columns] });
  }

  signal(name: NodeJS.Signals): void {
    this.#say({ signal: name });
  }

  /** Closes the terminal, as closing its window does. */
  close(): void {
    this.#say({ close: true });
  }

  #say(order: object): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #news(within: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => check(), within);
      const check = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }
}
