import { exec } from '../../src/util/exec.ts';

/** Tells what takes long, a line at a time. */
export type Say = (line: string) => void;

export interface CallOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  input?: string;
  signal?: AbortSignal;
}

/**
 * Runs a program and gives its standard output.
 *
 * @throws when it ends with anything but 0, with the end of what it wrote.
 */
export async function call(
  file: string,
  args: readonly string[],
  options: CallOptions = {},
): Promise<string> {
  const result = await exec(file, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(-2_000);
  throw new Error(`${file} ${args.slice(0, 4).join(' ')} ended with ${result.exitCode}: ${said}`);
}

/** Repeats a check until it is true. @throws after `seconds`, with what `otherwise` says. */
export async function until(
  check: () => Promise<boolean>,
  seconds: number,
  otherwise: () => string | Promise<string>,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(await otherwise());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
