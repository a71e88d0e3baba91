import { once } from 'node:events';
import { type Forwards, type LinkEvent, openForwards, type OpenLink } from '../actions/forward.ts';
import { readPortWish } from '../actions/links.ts';
import { ExitCode } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import { browserOpener, openInBrowser } from '../util/browser.ts';
import { actionOptions, type CommandIO, type CommandOptions } from './runtime.ts';

/** `datamill forward [COMPONENT]` */
export async function forward(options: CommandOptions, component?: string): Promise<number> {
  return await stay(options, { component }, async () => undefined);
}

/** `datamill open COMPONENT [LINK]` */
export async function open(options: CommandOptions, component: string, link?: string): Promise<number> {
  const { io } = options;
  return await stay(options, { component, link, single: true }, async ({ links: [opened] }) => {
    const { address, scheme } = opened!;
    const opener = scheme === 'tcp' ? undefined : browserOpener();
    const done = opener !== undefined && (await openInBrowser(opener, address));
    if (io.output === 'json') return tell({ type: 'opened', address, browser: done });
    await io.print(done ? `Opened ${address} in the browser.\n` : `Open it yourself: ${address}\n`);
  });
}

interface What {
  component?: string;
  link?: string;
  /** Only the first link. */
  single?: boolean;
}

/** Forwards until Ctrl-C. */
async function stay(
  options: CommandOptions,
  { single, ...what }: What,
  then: (forwards: Forwards) => Promise<void>,
): Promise<number> {
  const { io } = options;
  const ports = ((options.port as string[] | undefined) ?? []).map(readPortWish);
  const forwards = await openForwards({
    ...actionOptions(options, io.warn),
    ...what,
    first: single,
    ports,
    tell: (event) => void sayEvent(io, event),
  });
  try {
    io.quiet();
    await sayOpen(io, forwards);
    await then(forwards);
    if (!io.signal.aborted) await once(io.signal, 'abort');
    return (io.signal.reason as { exitCode?: number }).exitCode ?? ExitCode.interrupted;
  } finally {
    forwards.close();
  }
}

async function sayOpen(io: CommandIO, { context, links, missing }: Forwards): Promise<void> {
  if (io.output === 'json') {
    for (const { path: _path, scheme: _scheme, ...link } of links) tell({ type: 'listening', ...link });
    for (const { link, error } of missing)
      tell({
        type: 'missing',
        component: link.component,
        link: link.link,
        code: error.code,
        message: error.message,
      });
    return;
  }
  const columns = ['COMPONENT', 'LINK', 'ADDRESS', 'SERVICE'].map((title) => ({
    title,
    shrink: title === 'SERVICE',
  }));
  const rows = links.map(({ component, link, address, service, namespace, port }) => [
    component,
    link,
    address,
    `${namespace}/${service}:${port}`,
  ]);
  const notes = [
    ...links.filter(({ wanted, local }) => wanted !== 0 && wanted !== local).map(portNote),
    ...links
      .filter(({ message }) => message !== '')
      .map(({ component, link, message }) => `${component} ${link} does not answer yet: ${message}`),
    ...missing.map(({ error }) => `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`),
  ].map((note) => `${io.style.yellow(note)}\n`);
  const table = renderTable(columns, rows, { width: process.stdout.columns, style: io.style });
  await io.print(`${table}\n${notes.join('')}Forwarding from ${context} until Ctrl-C.\n`);
}

function portNote({ component, link, wanted, local }: OpenLink): string {
  return `Port ${wanted} of this machine is not free: ${component} ${link} is on ${local}.`;
}

async function sayEvent(io: CommandIO, event: LinkEvent): Promise<void> {
  if (io.output === 'json') return tell({ ...event });
  const { component, link, type, message } = event;
  const line = `${component} ${link}: ${message}`;
  await io.print(`${type === 'refused' ? io.style.red(line) : io.style.green(line)}\n`);
}

function tell(event: Record<string, unknown>): void {
  const { type, ...rest } = event;
  process.stdout.write(`${JSON.stringify({ schema: 1, time: new Date().toISOString(), type, ...rest })}\n`);
}
