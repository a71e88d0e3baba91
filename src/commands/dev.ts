import { compose, type DevPlan, devPlan } from '../actions/dev.ts';
import { down } from '../actions/tunnel.ts';
import { configError, DatamillError, ExitCode } from '../errors.ts';
import { runInForeground } from '../util/foreground.ts';
import { redact } from '../util/redact.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';
import { runTunnel } from './tunnel.ts';

/** `datamill dev start [-c] [-t CONTEXT]` */
export async function start(options: CommandOptions): Promise<number> {
  const { io } = options;
  const plan = devPlan(actionOptions(options, io.warn));
  return options.containers === true ? await containers(options, plan) : await program(options, plan);
}

/** Containers run on by themselves; with a tunnel they end with it. */
async function containers(options: CommandOptions, plan: DevPlan): Promise<number> {
  const { io } = options;
  await compose(plan, 'start', { signal: io.signal, onLine: onLine(options) });
  if (!wantsTunnel(options)) {
    const next = `\`datamill dev stop -c${sameFlags(options)}\` stops them`;
    await io.document({ started: plan.compose }, () => `The containers of ${plan.compose} run; ${next}.\n`);
    return ExitCode.done;
  }
  try {
    return await runTunnel(place(options), plan.tunnel, []);
  } finally {
    await compose(plan, 'stop', { onLine: onLine(options) });
  }
}

async function program(options: CommandOptions, plan: DevPlan): Promise<number> {
  const { io } = options;
  const { command, env, folder: cwd } = plan;
  if (command === undefined) {
    throw configError('NO_COMMAND', '`dev:` names no command', {
      hint: 'for example `dev: { command: npm run dev }`; -c starts the containers of `compose:`',
    });
  }
  if (wantsTunnel(options)) return await runTunnel(place(options), plan.tunnel, command, { env, cwd });
  io.quiet({ cleansUp: true });
  const [file = '', ...args] = command;
  const never = new AbortController().signal;
  return await runInForeground(file, args, { env, cwd, interrupt: io.signal, stop: never });
}

/** `datamill dev stop [-c] [-t CONTEXT]` */
export async function stop(options: CommandOptions): Promise<number> {
  const { io } = options;
  const plan = devPlan(actionOptions(options, () => undefined));
  const stopped: string[] = [];
  if (wantsTunnel(options) && (await removed(options, plan))) stopped.push(`the tunnel ${plan.tunnel.name}`);
  if (options.containers === true) {
    await compose(plan, 'stop', { signal: io.signal, onLine: onLine(options) });
    stopped.push(`the containers of ${plan.compose}`);
  }
  await io.document({ stopped }, () =>
    stopped.length === 0 ? 'There was nothing to stop.\n' : `Stopped ${stopped.join(' and ')}.\n`,
  );
  return ExitCode.done;
}

async function removed(options: CommandOptions, { tunnel: { name } }: DevPlan): Promise<boolean> {
  try {
    await down({ ...actionOptions(place(options), options.io.warn), name });
    return true;
  } catch (error) {
    if (error instanceof DatamillError && error.code === 'NO_TUNNEL') return false;
    throw error;
  }
}

/** What compose says is for people. */
function onLine({ io }: CommandOptions): ((line: string) => void) | undefined {
  if (io.output !== 'text') return undefined;
  return (line) => void process.stderr.write(`${redact(line)}\n`);
}

function wantsTunnel({ target, context, kubeconfig }: CommandOptions): boolean {
  return [target, context, kubeconfig].some((flag) => flag !== undefined);
}

/** The flavour says what to start; the flags say where pods are, as with `datamill tunnel`. */
function place(options: CommandOptions): CommandOptions {
  return { ...options, flavour: undefined };
}
