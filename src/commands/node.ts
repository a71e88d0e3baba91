import { readFileSync } from 'node:fs';
import * as actions from '../actions/node.ts';
import { configError, errorMessage } from '../errors.ts';
import { renderTable } from '../ui/table.ts';
import { redactDocument } from '../util/redact.ts';
import type { CommandIO, CommandOptions } from './runtime.ts';

/** `datamill node start` */
export async function start(options: CommandOptions): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  await actions.startNode({ ...place(options), tell: (event) => line(io, event, wordsOf(event)) });
  return 0;
}

/** What the first node on Kubernetes printed of a result, and one line for anything else. */
function wordsOf(event: actions.NodeEvent): string {
  switch (event.type) {
    case 'result': {
      const { run, task, logs, data, status, parent } = event;
      const words = [run, task, repr(logs), repr(data), repr(status), parent ?? 'None'];
      const names = ['run_id', 'task_id', 'logs', 'data', 'status', 'parent_id'];
      return `Result(${names.map((name, index) => `${name}=${words[index]}`).join(', ')})`;
    }
    case 'run':
      return `run ${event.run}: ${event.status}${event.message === '' ? '' : ` (${event.message})`}`;
    case 'node':
      return `${event.state}: ${event.message}`;
    default:
      return `warning: ${event.message}`;
  }
}

/** As Python writes a string. */
function repr(text: string): string {
  const quoted = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return text.includes("'") && !text.includes('"') ? `"${quoted}"` : `'${quoted.replaceAll("'", "\\'")}'`;
}

/** An event as a line of JSON, or in words. */
function line(io: CommandIO, event: object, words: string): void {
  const whole = redactDocument({ schema: 1, time: new Date().toISOString(), ...event });
  process.stdout.write(`${io.output === 'json' ? JSON.stringify(whole) : words}\n`);
}

/** `datamill node status` */
export async function status(options: CommandOptions): Promise<number> {
  const found = await actions.nodeStatus(place(options));
  await options.io.document({ ...found }, () => {
    if (found.runs.length === 0) return `No runs of the node ${found.name} in ${found.namespace}.\n`;
    const columns = ['run', 'task', 'status', 'told', 'image', 'since'].map((title) => ({ title }));
    const rows = found.runs.map(({ run, task, status, delivered, image, created }) => [
      ...[String(run), String(task), status, delivered ? 'yes' : 'no', image, created],
    ]);
    return renderTable(columns, rows, { width: process.stdout.columns, style: options.io.style });
  });
  return 0;
}

/** `datamill node kill [RUN...]` */
export async function kill(options: CommandOptions, ...runs: string[]): Promise<number> {
  if ((runs.length === 0) === (options.all !== true))
    throw configError('FLAGS', 'say which runs are to end, or --all', {
      hint: '`datamill node status` lists them',
    });
  const ids = runs.map((run) => {
    if (!/^\d{1,15}$/.test(run)) throw configError('FLAG', `"${run}" is no number of a run`);
    return Number(run);
  });
  const { killed, unknown } = await actions.killNodeRuns({
    ...place(options),
    runs: options.all ? undefined : ids,
  });
  await options.io.document({ killed, unknown }, () =>
    [
      ...killed.map((run) => `run ${run} is to end; the node ends it and tells the server\n`),
      ...unknown.map((run) => `run ${run} does not run here\n`),
      ...(killed.length + unknown.length === 0 ? ['Nothing runs.\n'] : []),
    ].join(''),
  );
  return unknown.length === 0 ? 0 : 1;
}

/** `datamill node doctor` */
export async function doctor(options: CommandOptions): Promise<number> {
  const findings = await actions.nodeDoctor(place(options));
  await options.io.document({ findings }, () =>
    findings.map(({ name, result, message }) => `${result}  ${name}: ${message}\n`).join(''),
  );
  return findings.every(({ result }) => result === 'passed') ? 0 : 1;
}

/** `datamill node gc` */
export async function gc(options: CommandOptions): Promise<number> {
  const removed = await actions.nodeGc({ ...place(options), ended: options.ended === true });
  await options.io.document({ removed }, () =>
    removed.length === 0 ? 'Nothing to remove.\n' : removed.map((name) => `removed ${name}\n`).join(''),
  );
  return 0;
}

/** `datamill node server` */
export async function server(options: CommandOptions): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  const host = (options.host as string | undefined) ?? '127.0.0.1';
  const port = Number(options.port ?? 5000);
  await actions.serveNodes({
    host,
    port,
    signal: io.signal,
    tell: (event) => line(io, event, `${event.what}: ${event.message}`),
    onStart: (bound) =>
      line(io, { type: 'listening', host, port: bound }, `listening at http://${host}:${bound}`),
  });
  return 0;
}

/** `datamill node proxy` */
export async function proxy(options: CommandOptions): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  const host = (options.host as string | undefined) ?? '127.0.0.1';
  const tell = (message: string) => line(io, { type: 'proxy', message }, message);
  await actions.serveProxy({ config: place(options).config, host, signal: io.signal, tell });
  return 0;
}

/** `datamill node submit [FILE]` */
export async function submit(options: CommandOptions, file?: string): Promise<number> {
  const { io } = options;
  io.quiet({ cleansUp: true });
  const results = await actions.submit({
    url: (options.server as string | undefined) ?? 'http://127.0.0.1:5000',
    request: file === undefined ? requestOf(options) : readRequest(file),
    nodes: options.nodes === undefined ? undefined : Number(options.nodes),
    signal: io.signal,
    tell: ({ node_id, run_id, status }) =>
      void process.stderr.write(`${io.style.dim(`run ${run_id} at ${node_id}: ${status}`)}\n`),
  });
  await io.document({ results }, () =>
    results.length === 0
      ? 'Sent. This server takes no results: the nodes print them.\n'
      : results
          .map(({ node, status, result, log }) =>
            status === 'completed'
              ? `${node}: ${result.trimEnd()}\n`
              : `${node}: ${status}\n${log.trimEnd()}\n`,
          )
          .join(''),
  );
  return results.every((one) => one.status === 'completed') ? 0 : 1;
}

function requestOf(options: CommandOptions): Record<string, unknown> {
  const image = options.image as string | undefined;
  if (image === undefined)
    throw configError('FLAGS', 'name a file with the request, or an image', {
      hint: '`datamill node submit request.json`, or `--image NAME --arg WORD... --database LABEL...`',
    });
  const args = (options.arg as string[] | undefined) ?? [];
  return {
    run_id: Number(options.run ?? Date.now()),
    task_info: Object.fromEntries(args.map((arg, index) => [`arg${index + 1}`, arg])),
    image,
    databases_to_use: (options.database as string[] | undefined) ?? [],
  };
}

function readRequest(file: string): Record<string, unknown> {
  try {
    const request: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof request === 'object' && request !== null) return request as Record<string, unknown>;
  } catch (cause) {
    throw configError('NODE_REQUEST', `${file} holds no request: ${errorMessage(cause)}`, { cause });
  }
  throw configError('NODE_REQUEST', `${file} holds no request: it must be a JSON object`);
}

function place(options: CommandOptions) {
  const { kubeconfig, context, io } = options;
  return {
    config: (options.config as string | undefined) ?? 'node.yaml',
    kubeconfig,
    context,
    signal: io.signal,
  };
}
