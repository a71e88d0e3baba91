import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Whether there is somebody at a terminal. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

export function isYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer.trim());
}

/** Asks at the terminal. `hidden`: what is typed is not shown, as for a passphrase. */
export async function ask(
  question: string,
  signal: AbortSignal,
  { hidden = false }: { hidden?: boolean } = {},
): Promise<string> {
  let muted = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) process.stderr.write(chunk);
      done();
    },
  });
  const terminal = createInterface({
    input: process.stdin,
    output: hidden ? output : process.stderr,
    terminal: true,
  });
  try {
    const answer = terminal.question(question, { signal });
    muted = true;
    return await answer;
  } finally {
    terminal.close();
    if (hidden) process.stderr.write('\n');
  }
}
