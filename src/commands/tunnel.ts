import * as actions from '../actions/tunnel.ts';
import { configError, ExitCode } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import { formatDuration } from '../util/duration.ts';
import { runInForeground } from '../util/foreground.ts';
import { seconds } from './logs.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';
import { TunnelScreen } from './tunnel-screen.ts';

const TTL = 8 * 3600;
/** A holder says that it lives every half minute: less would end tunnels that are in use. */
const SHORTEST_TTL = 60;

/** `datamill tunnel [NAME] [-- command]` */
export async function run(options: CommandOptions, name?: string, ...command: string[]): Promise<number> {
  return await runTunnel(options, await specOf(options, name), command);
}

/** What the flags say. */
async function specOf(options: CommandOptions, name: string | undefined): Promise<actions.NewTunnel> {
  const both = options.reuse === true && options.replace === true;
  if (both) throw configError('FLAGS', '--reuse and --replace are two ways: say one of them');
  const ttl = seconds('--ttl', options.ttl as string | undefined) ?? TTL;
  if (ttl < SHORTEST_TTL) {
    throw configError('FLAG', `--ttl ${options.ttl}: the least is ${formatDuration(SHORTEST_TTL)}`, {
      hint: 'a tunnel ends with Ctrl-C; this is for programs that could not end theirs',
    });
  }
  return actions.newTunnel({
    name,
    ports: (options.port as string[] | undefined) ?? [],
    transport: (options.transport as 'api' | 'nodeport' | undefined) ?? 'api',
    ttl,
    image: options.image as string | undefined,
    from: (options.from as string[] | undefined) ?? [],
    existing: options.reuse ? 'reuse' : options.replace ? 'replace' : undefined,
  });
}

export interface CommandSettings {
  env?: Record<string, string | undefined>;
  cwd?: string;
}

/**
 * Holds a tunnel until Ctrl-C, or as long as a command runs.
 *
 * @returns the exit code of the command; without one that of the signal.
 */
export async function runTunnel(
  options: CommandOptions,
  spec: actions.NewTunnel,
  command: readonly string[],
  settings: CommandSettings = {},
): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  const over = new AbortController();
  const broken = new AbortController();
  const [file, ...args] = command;
  const screen = new TunnelScreen(io, file !== undefined);
  let work: Promise<number> | undefined;
  const begin = (env: Record<string, string>) => {
    const all = { ...settings.env, ...env };
    work ??= runInForeground(file!, args, {
      ...settings,
      env: all,
      interrupt: io.signal,
      stop: broken.signal,
    }).finally(() => over.abort());
    // It is waited for below; an error before that is no unhandled one.
    work.catch(() => undefined);
  };
  const interrupt = () => {
    if (work === undefined) over.abort();
  };
  io.signal.addEventListener('abort', interrupt);
  if (io.signal.aborted) interrupt();
  try {
    const traffic = await actions.tunnel({
      ...actionOptions(options, io.warn),
      signal: over.signal,
      spec,
      onStart: (read) => screen.start(read),
      tell: (event) => {
        screen.tell(event);
        if (file !== undefined && 'urls' in event)
          begin({ DATAMILL_TUNNEL_URL: event.urls[0]!, DATAMILL_TUNNEL_SERVICE: event.service });
      },
    });
    const code = work === undefined ? exitCode(io.signal) : await started(file!, work);
    screen.end(io.signal.aborted ? 'interrupted' : code === 0 ? 'ok' : 'failed', traffic);
    return code;
  } catch (error) {
    screen.end('failed');
    broken.abort();
    await work?.catch(() => undefined);
    throw error;
  } finally {
    io.signal.removeEventListener('abort', interrupt);
  }
}

function exitCode(signal: AbortSignal): number {
  return (signal.reason as { exitCode?: number } | undefined)?.exitCode ?? ExitCode.interrupted;
}

async function started(file: string, work: Promise<number>): Promise<number> {
  try {
    return await work;
  } catch (cause) {
    throw configError('COMMAND', `${file} cannot be started: ${(cause as Error).message}`, { cause });
  }
}

/** `datamill tunnel list` */
export async function list(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { namespace, tunnels } = await actions.list(actionOptions(options, io.warn));
  await io.document({ namespace, tunnels }, () => {
    if (tunnels.length === 0) return `There are no tunnels in namespace ${namespace}.\n`;
    const columns = ['NAME', 'STATE', 'HELD BY', 'PORTS', 'TRANSPORT', 'SINCE', 'ENDS BY ITSELF'];
    const rows = tunnels.map((one) => [
      one.name,
      one.state,
      one.holder,
      one.ports,
      one.transport,
      one.created,
      one.expires,
    ]);
    const table = renderTable(
      columns.map((title) => ({ title })),
      rows,
      { width: process.stdout.columns, style: io.style },
    );
    const left = tunnels.some(({ mine, state }) => mine && state === 'left');
    return left
      ? `${table}\n\`datamill tunnel gc${sameFlags(options)}\` removes yours that nobody uses.\n`
      : table;
  });
  return ExitCode.done;
}

/** `datamill tunnel down [NAME]` */
export async function down(options: CommandOptions, given?: string): Promise<number> {
  const { io } = options;
  const name = given ?? actions.defaultName();
  const { namespace } = await actions.down({ ...actionOptions(options, io.warn), name });
  await io.document(
    { name, namespace, removed: true },
    () => `Removed ${name} from namespace ${namespace}.\n`,
  );
  return ExitCode.done;
}

/** `datamill tunnel gc` */
export async function gc(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { namespace, removed } = await actions.gc(actionOptions(options, io.warn));
  await io.document({ namespace, removed }, () =>
    removed.length === 0
      ? `Nothing is left over in namespace ${namespace}.\n`
      : `Removed ${removed.join(', ')} from namespace ${namespace}.\n`,
  );
  return ExitCode.done;
}

/** `datamill tunnel serve FILE`, in the pod */
export async function serve(options: CommandOptions, file: string): Promise<number> {
  const { io } = options;
  io.quiet();
  const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  await actions.serve({ file, signal: io.signal, log });
  return ExitCode.done;
}
