import { DatamillError, refusedError } from '../../errors.ts';
import { throwIfAborted } from '../../util/abort.ts';
import type { ExecResult } from '../../util/exec.ts';
import { runInForeground } from '../../util/foreground.ts';
import { shellWords } from '../../util/shell.ts';
import type { Command, TargetIO } from '../contract.ts';
import { argvOf, type Place, type Step } from './place.ts';
import type { Planner, Request } from './planner.ts';

/** Output that is shown of a command that failed, in lines. */
const SHOWN = 12;

/**
 * Runs steps one after the other, each as it is shown.
 *
 * @throws {DatamillError} what the planner knows about a failure; TARGET_FAILED otherwise.
 */
export async function execute(
  planner: Planner,
  steps: readonly Step[],
  request: Request,
  place: Place,
  io: TargetIO,
): Promise<ExecResult[]> {
  const results: ExecResult[] = [];
  for (const step of steps) {
    throwIfAborted(io.signal);
    io.progress(step.about);
    for (const { from, to, mode } of step.uploads ?? []) await place.upload(from, to, mode, io);
    const told = step.progress ?? ((line: string) => line.trim() || undefined);
    const onLine = (line: string) => {
      const message = told(line);
      if (message !== undefined) io.progress(`${step.about}: ${message}`);
    };
    const result = io.exec
      ? await executeBy(io.exec, step)
      : await place.run(step, { signal: io.signal, onLine });
    throwIfAborted(io.signal);
    results.push(result);
    const wrong = problemOf(step, result);
    if (wrong === undefined) continue;
    if (step.optional) io.progress(`${step.about} did not work, which is no hindrance: ${wrong}`);
    else throw planner.explain?.(result, request) ?? failure(step, result, wrong);
  }
  return results;
}

function executeBy(exec: NonNullable<TargetIO['exec']>, step: Step): Promise<ExecResult> {
  const [file, ...args] = argvOf(step) as [string, ...string[]];
  return exec(file, args);
}

function problemOf({ accept = [], verify }: Step, result: ExecResult): string | undefined {
  if (result.exitCode !== 0 && !accept.includes(result.exitCode)) return `exit code ${result.exitCode}`;
  return verify?.(result);
}

function failure(step: Step, { stdout, stderr, exitCode }: ExecResult, wrong: string): DatamillError {
  const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-SHOWN);
  const words = output.map((line) => `  ${line.slice(0, 400)}`).join('\n');
  return new DatamillError('TARGET_FAILED', `${step.about}: ${wrong}\n${words}`.trimEnd(), {
    hint:
      exitCode === 127
        ? `${step.command[0]} is not there; \`datamill doctor\` shows what is missing`
        : `by hand: ${shellWords(argvOf(step))}; running the same datamill command again goes on from here`,
  });
}

/** What is shown of steps. */
export function shown(steps: readonly Step[]): Command[] {
  return steps.map((step) => ({
    about: step.about,
    command: argvOf(step),
    ...(step.input === undefined ? {} : { input: step.input }),
  }));
}

/**
 * Where sudo wants a password it is asked for before anything is begun, at the terminal.
 *
 * @throws SUDO, exit code 3, when there is no terminal to ask at.
 */
export async function authorise(steps: readonly Step[], place: Place, io: TargetIO): Promise<void> {
  if (io.exec || !steps.some(({ command }) => command.includes('sudo') || /\bsudo /.test(command.join(' '))))
    return;
  const test = { about: 'asking whether sudo wants a password', command: ['sudo', '-n', 'true'] };
  const { exitCode } = await place.run(test, { signal: io.signal });
  if (exitCode === 0) return;
  const never = new AbortController().signal;
  if (exitCode !== 127 && io.ask !== undefined && process.stdin.isTTY) {
    io.progress('some of the commands are run by sudo, which asks for your password');
    if ((await runInForeground('sudo', ['-v'], { interrupt: io.signal ?? never, stop: never })) === 0) return;
  }
  throw refusedError('SUDO', 'some of the commands need root, and sudo cannot be asked for it here', {
    hint: 'run datamill at a terminal or as root, or let sudo do without a password; `datamill up --dry-run` shows the commands',
  });
}
