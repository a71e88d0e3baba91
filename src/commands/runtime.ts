import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Reporter } from '../actions/events.ts';
import type { ActionOptions } from '../actions/session.ts';
import type { TargetSection } from '../config/schema/target.ts';
import { DatamillError, interruptedError } from '../errors.ts';
import { ask, canAsk, isYes } from '../ui/ask.ts';
import { printError } from '../ui/error.ts';
import { callProgram, nameCommands, programName } from '../ui/program.ts';
import { createProgress, type Progress } from '../ui/progress.ts';
import { createStyle, type Style, wantsColor } from '../ui/style.ts';

export type Output = 'text' | 'json' | 'yaml';

/** What a command prints with, and how it hears of Ctrl-C. */
export interface CommandIO {
  output: Output;
  verbose: boolean;
  color: boolean;
  style: Style;
  signal: AbortSignal;
  /**
   * From now on an interrupt is a way to end like others: nothing is said about it. With `cleansUp`
   * a reader that goes away ends the work in good order, too.
   */
  quiet(how?: { cleansUp: boolean }): void;
  /** Starts to show progress; ended by `print` or at the end of the command. */
  progress(): Reporter;
  /** Ends the progress display and writes to standard output. */
  print(text: string): Promise<void>;
  /** Writes a document in the wanted form; `text` is called for the text form. */
  document(value: Record<string, unknown>, text: () => string): Promise<void>;
  /** Tells warnings on standard error. */
  warn: Reporter;
}

export interface CommandOptions {
  io: CommandIO;
  flavour?: string[];
  target?: string;
  local?: boolean;
  remote?: boolean;
  hybrid?: boolean;
  namespace?: string;
  kubeconfig?: string;
  context?: string;
  set?: string[];
  component?: string[];
  only?: boolean;
  yes?: boolean;
  concurrency?: number;
  waitLock?: boolean;
  mirror?: string;
  [flag: string]: unknown;
}

/** Runs a command: signals, errors and exit code in one place. */
export async function runCommand(
  options: Record<string, unknown>,
  run: (io: CommandIO) => Promise<number>,
): Promise<number> {
  callProgram(programName());
  // Every step of a run listens to the one signal: many listeners are no leak here.
  setMaxListeners(0);
  const output = (options.output as Output | undefined) ?? 'text';
  const verbose = options.verbose === true;
  const flag = options.color === false ? false : undefined;
  const controller = new AbortController();
  let progress: Progress | undefined;
  let summarised = false;
  let silent = false;
  let cleansUp = false;
  const stopListening = listen(controller, () => silent);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of a pipe went away, as `datamill … | head` does. Work is ended in good order.
    if (progress !== undefined || cleansUp) controller.abort(interruptedError());
    else if (error.code === 'EPIPE') process.exit(0);
  });
  // A terminal that was closed takes no more words.
  process.stderr.on('error', () => undefined);
  const io = createIO({
    output,
    verbose,
    flag,
    controller,
    quiet: (how) => {
      silent = true;
      cleansUp = how?.cleansUp === true;
    },
    start: () => {
      progress ??= startProgress(output, flag);
      const { report } = progress;
      return (event) => {
        report(event);
        // The events of a run that was interrupted end with its summary.
        summarised ||= event.type === 'summary';
      };
    },
    stop: async () => progress?.stop(),
  });
  try {
    return await run(io);
  } catch (thrown) {
    await progress?.stop();
    const error =
      controller.signal.aborted && !(thrown instanceof DatamillError) ? controller.signal.reason : thrown;
    if (output === 'json' && progress !== undefined && !summarised) emitErrorEvent(error);
    return printError(error, { output, verbose, color: wantsColor({ flag, tty: process.stderr.isTTY }) });
  } finally {
    await progress?.stop();
    stopListening();
  }
}

/** Events end with the error, so that whoever reads only them knows of it. */
function emitErrorEvent(error: unknown): void {
  const { code, message } = error instanceof DatamillError ? error : { code: 'BUG', message: String(error) };
  process.stdout.write(
    `${JSON.stringify({ schema: 1, time: new Date().toISOString(), type: 'error', code, message })}\n`,
  );
}

function startProgress(output: Output, flag: boolean | undefined): Progress {
  const tty = process.stdout.isTTY === true && process.env.CI === undefined;
  return createProgress({
    output: output === 'json' ? 'json' : 'text',
    tty,
    color: wantsColor({ flag, tty: process.stdout.isTTY }),
    stream: process.stdout,
  });
}

interface IOParts {
  output: Output;
  verbose: boolean;
  flag: boolean | undefined;
  controller: AbortController;
  quiet: CommandIO['quiet'];
  start(): Reporter;
  stop(): Promise<void> | Promise<undefined>;
}

function createIO({ output, verbose, flag, controller, quiet, start, stop }: IOParts): CommandIO {
  const color = wantsColor({ flag, tty: process.stdout.isTTY });
  const print = async (text: string) => {
    await stop();
    await new Promise<void>((resolve, reject) =>
      process.stdout.write(output === 'text' ? nameCommands(text) : text, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  };
  return {
    output,
    verbose,
    color,
    style: createStyle(color),
    signal: controller.signal,
    quiet,
    progress: start,
    print,
    warn: (event) => {
      if (event.type !== 'warning') return;
      const place =
        event.file === undefined
          ? ''
          : `${event.file}${event.line === undefined ? '' : `:${event.line}:${event.column}`}: `;
      process.stderr.write(`warning: ${place}${event.message}\n`);
    },
    async document(value, text) {
      const whole = { schema: 1, ...value };
      if (output === 'json') return await print(`${JSON.stringify(whole, null, 2)}\n`);
      if (output === 'yaml') return await print((await import('../ui/yaml.ts')).toYaml(whole));
      return await print(text());
    },
  };
}

/** The first signal ends the run in good order; helm is given the time to note that it was ended. */
function listen(controller: AbortController, isSilent: () => boolean): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    // Node would abort with a core dump, as it cannot give a terminal back that is closed.
    if (signal === 'SIGHUP') process.prependOnceListener('exit', dieOfHangup);
    if (isSilent()) return controller.abort(interruptedError(signal));
    if (controller.signal.aborted) {
      process.stderr.write(
        '\nstill ending what runs; killing it now would leave releases that need repair\n',
      );
      return;
    }
    process.stderr.write(
      `\n${signal === 'SIGINT' ? 'interrupted' : 'told to end'}: nothing more is started, what runs is ended in good order\n`,
    );
    controller.abort(interruptedError(signal));
  };
  const signals: NodeJS.Signals[] = [
    'SIGINT',
    'SIGTERM',
    ...(hangupIsIgnored() ? [] : (['SIGHUP'] as const)),
  ];
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

function dieOfHangup(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}

/** `nohup` asks for that, and to listen would undo it. proc(5): SigIgn is a mask, SIGHUP its lowest bit. */
function hangupIsIgnored(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** The flags that all commands share, as actions take them. */
export function actionOptions(options: CommandOptions, report: Reporter): ActionOptions {
  const section: TargetSection | undefined = options.local
    ? 'local'
    : options.remote
      ? 'remote'
      : options.hybrid
        ? 'hybrid'
        : undefined;
  return {
    flavours: options.flavour,
    target: options.target,
    section,
    namespace: options.namespace,
    kubeconfig: options.kubeconfig,
    context: options.context,
    set: options.set,
    components: options.component?.flatMap((names) => names.split(',')),
    only: options.only,
    mirror: options.mirror ?? process.env.DATAMILL_MIRROR,
    signal: options.io.signal,
    report,
    ask: canAsk() ? (question, how) => ask(question, options.io.signal, how) : undefined,
    acceptHostKey: options.acceptHostKey === true,
    adopt: options.adopt === true,
  };
}

/** The flags to repeat in a suggested command, so that it means the same flavour and target. */
export function sameFlags(options: CommandOptions): string {
  const parts = [
    ...(options.flavour ?? []).flatMap((file) => ['-f', file]),
    ...(options.target === undefined ? [] : ['-t', options.target]),
    ...(options.local ? ['-l'] : []),
    ...(options.remote ? ['-r'] : []),
    ...(options.hybrid ? ['--hybrid'] : []),
    ...(options.namespace === undefined ? [] : ['-n', options.namespace]),
    ...(options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig]),
    ...(options.context === undefined ? [] : ['--context', options.context]),
    ...(options.mirror === undefined ? [] : ['--mirror', options.mirror]),
  ];
  return parts
    .map((part) => (/^[\w./:@=-]+$/.test(part) ? ` ${part}` : ` '${part.replaceAll("'", "'\\''")}'`))
    .join('');
}

/** Asks on the terminal; without one the answer is no. */
export async function confirm(question: string, options: CommandOptions): Promise<boolean> {
  if (options.yes) return true;
  if (!canAsk()) return false;
  return isYes(await ask(`${question} [y/N] `, options.io.signal));
}
