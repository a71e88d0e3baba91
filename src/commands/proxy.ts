import { once } from 'node:events';
import { proxy } from '../actions/proxy.ts';
import { configError, ExitCode } from '../errors.ts';
import { actionOptions, type CommandOptions } from './runtime.ts';

/** `datamill proxy` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { close, ...opened } = await proxy({
    ...actionOptions(options, io.warn),
    port: portOf(options.port as string | undefined),
  });
  try {
    io.quiet();
    await io.print(
      io.output === 'json'
        ? `${JSON.stringify({ schema: 1, time: new Date().toISOString(), type: 'listening', ...opened })}\n`
        : text(opened),
    );
    if (!io.signal.aborted) await once(io.signal, 'abort');
    return (io.signal.reason as { exitCode?: number }).exitCode ?? ExitCode.interrupted;
  } finally {
    close();
  }
}

function text({
  context,
  wanted,
  port,
  address,
  simulated,
  dashboards,
}: Omit<Awaited<ReturnType<typeof proxy>>, 'close'>): string {
  const lines = [
    ...(wanted === port ? [] : [`Port ${wanted} of this machine is not free: the proxy is on ${port}.`]),
    `The API of ${context}: ${address}`,
    ...dashboards.map(({ component, address: at }) => `The dashboard of ${component}: ${at}`),
    ...(simulated && dashboards.length > 0 ? ['(Pods are simulated: no dashboard answers.)'] : []),
    'Whoever reaches this port acts with your rights. Serving until Ctrl-C.',
  ];
  return `${lines.join('\n')}\n`;
}

function portOf(flag: string | undefined): number | undefined {
  if (flag === undefined) return undefined;
  const port = Number(flag);
  if (/^\d{1,5}$/.test(flag) && port > 0 && port < 65_536) return port;
  throw configError('FLAG', `--port ${flag}: expected a number from 1 to 65535`);
}
