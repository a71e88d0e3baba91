import { attach as attachToPod, gc as collect, debug, show as showPod } from '../actions/debug.ts';
import { configError, refusedError } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import { toYaml } from '../ui/yaml.ts';
import { redactDocument } from '../util/redact.ts';
import { seconds } from './logs.ts';
import { actionOptions, type CommandOptions, confirm, sameFlags } from './runtime.ts';
import { atTerminal, connectTerminal } from './terminal.ts';

const TTL = 3600;

/** `datamill debug net` */
export async function net(options: CommandOptions, ...command: string[]): Promise<number> {
  return await inPod('net', options, command);
}

/** `datamill debug app` */
export async function app(options: CommandOptions, ...command: string[]): Promise<number> {
  return await inPod('app', options, command);
}

async function inPod(kind: 'net' | 'app', options: CommandOptions, command: string[]): Promise<number> {
  const more = await sessionOptions(options, command);
  const node = options.node as string | undefined;
  return await atTerminal(options.io, (terminal) =>
    debug({ ...more, ...terminal, kind, node, connect: () => connectTerminal(terminal) }),
  );
}

/** `datamill debug attach POD` */
export async function attach(options: CommandOptions, pod: string, ...command: string[]): Promise<number> {
  const more = await sessionOptions(options, command);
  const container = options.container as string | undefined;
  return await atTerminal(options.io, (terminal) =>
    attachToPod({ ...more, ...terminal, pod, container, connect: () => connectTerminal(terminal) }),
  );
}

/** What all ways into a pod take. */
async function sessionOptions(options: CommandOptions, command: string[]) {
  const { io } = options;
  if (command.length > 0 && !process.argv.includes('--')) {
    throw configError('FLAGS', `"${command[0]}" is taken for a command to run`, {
      hint: 'put -- before the command, so that its flags are its own: `datamill debug net -- ping -c 1 minio`',
    });
  }
  const privileged = options.privileged === true;
  const question =
    'A privileged container is root on its node, and can read and change everything there. Start it?';
  if (privileged && !(await confirm(question, options))) {
    throw refusedError('NOT_CONFIRMED', '--privileged starts a container that is root on its node', {
      hint: 'answer yes at the terminal, or say --yes',
    });
  }
  return {
    ...actionOptions(options, io.warn),
    command: command.length > 0 ? command : undefined,
    image: options.image as string | undefined,
    privileged,
    ttl: seconds('--ttl', options.ttl as string | undefined) ?? TTL,
  };
}

/** `datamill debug show POD` */
export async function show(options: CommandOptions, pod: string): Promise<number> {
  const { io } = options;
  const shown = redactDocument(await showPod({ ...actionOptions(options, io.warn), pod }));
  const form = io.output === 'json' ? `${JSON.stringify(shown, null, 2)}\n` : toYaml(shown);
  await io.print(form);
  return 0;
}

/** `datamill debug gc` */
export async function gc(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { deleted, kept } = await collect({
    ...actionOptions(options, io.warn),
    all: options.all === true,
    confirm: (pods) => {
      const names = pods.map(({ name, owner }) => `${name} of ${owner}`).join(', ');
      return confirm(`Also delete ${names}?`, options);
    },
  });
  await io.document({ deleted, kept }, () => {
    const lines = deleted.map(({ name }) => `deleted ${name}`);
    if (deleted.length === 0) lines.push('Nothing is left over.');
    if (kept.length === 0) return `${lines.join('\n')}\n`;
    const columns = ['POD', 'OWNER', 'SINCE', 'STATE'].map((title) => ({ title }));
    const rows = kept.map(({ name, owner, created, state }) => [name, owner, created, state]);
    const table = renderTable(columns, rows, { width: process.stdout.columns }).trimEnd();
    lines.push('', 'Kept:', table, '', `\`datamill debug gc${sameFlags(options)} --all\` deletes these too.`);
    return `${lines.join('\n')}\n`;
  });
  return 0;
}
