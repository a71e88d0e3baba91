import type { Readable, Writable } from 'node:stream';
import WebSocket from 'ws';
import { abortError } from '../../util/abort.ts';
import type { Api } from '../client.ts';
import { frame, unframe } from './channels.ts';
import { lostError, openError } from './errors.ts';
import { closeSocket, type Opened } from './socket.ts';
import { exitCodeOf } from './status.ts';

/** The newest first: only v5 can say that standard input has ended. */
const V5 = 'v5.channel.k8s.io';
const PROTOCOLS = [V5, 'v4.channel.k8s.io'];
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;
const CLOSE = 255;
const CLOSE_AFTER_STATUS = 1000;

/** A container of a pod. */
export interface ContainerName {
  namespace: string;
  pod: string;
  container: string;
}

/** Whatever has the size of a terminal and says when it changes, such as `process.stdout`. */
export interface TerminalSize {
  columns?: number;
  rows?: number;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

export interface ExecStreams {
  /** Read to its end, which the program is told (by API servers from Kubernetes 1.30 on). */
  stdin?: Readable;
  /** Written to, with back-pressure; never ended. */
  stdout?: Writable;
  /** None with `tty`: a terminal has one output. */
  stderr?: Writable;
  /** Gives the program a terminal of its own. */
  tty?: boolean;
  /** With `tty`: the terminal whose size is followed. */
  resize?: TerminalSize;
  /** Ends the connection; the program in the container may go on. */
  signal?: AbortSignal;
}

/**
 * Runs a program in a container.
 *
 * @returns its exit code.
 * @throws {DatamillError} POD_GONE; KUBE_FORBIDDEN; EXEC when it cannot be started; STREAM_LOST;
 *   exit 4 when the API server does not answer; the reason of the signal.
 */
export function exec(api: Api, at: ContainerName, command: readonly string[], streams: ExecStreams) {
  return run(api, at, 'exec', command, streams);
}

/** Joins the program that a container runs; otherwise like `exec`. @returns 0 when it has ended. */
export function attach(api: Api, at: ContainerName, streams: ExecStreams): Promise<number> {
  return run(api, at, 'attach', [], streams);
}

async function run(
  api: Api,
  at: ContainerName,
  verb: 'exec' | 'attach',
  command: readonly string[],
  streams: ExecStreams,
): Promise<number> {
  const { stdin, stdout, stderr, tty = false, signal } = streams;
  const query = new URLSearchParams({ container: at.container });
  const wanted = { stdin, stdout, stderr: tty ? undefined : stderr };
  for (const [name, stream] of Object.entries(wanted)) if (stream !== undefined) query.set(name, 'true');
  // A node wants one at least.
  if (query.size === 1) query.set('stdout', 'true');
  if (tty) query.set('tty', 'true');
  for (const word of command) query.append('command', word);
  const path = `/api/v1/namespaces/${at.namespace}/pods/${at.pod}/${verb}?${query}`;
  const opened = await api.socket(path, PROTOCOLS, signal).catch((error) => {
    throw openError(error, `pods/${verb}`, at);
  });
  return await converse(opened, at, streams);
}

/** Carries the streams until the program has ended. */
async function converse(
  { socket, protocol }: Opened,
  at: ContainerName,
  streams: ExecStreams,
): Promise<number> {
  const { stdin, resize, signal, tty } = streams;
  const abort = () => socket.terminate();
  signal?.addEventListener('abort', abort);
  const stops: Array<() => unknown> = [() => signal?.removeEventListener('abort', abort)];
  const outputs = new Map<number | undefined, Writable>();
  if (streams.stdout !== undefined) outputs.set(STDOUT, streams.stdout);
  if (streams.stderr !== undefined) outputs.set(STDERR, streams.stderr);
  const ended = receive(socket, outputs);
  // A reader that went away, as the other end of a pipe may, ends it all.
  for (const output of outputs.values()) {
    output.on('error', abort);
    stops.push(() => output.off('error', abort));
  }
  if (tty && resize !== undefined) stops.push(followSize(socket, resize));
  if (stdin !== undefined) stops.push(sendInput(socket, stdin, protocol === V5));
  socket.resume();
  try {
    const { status, code } = await ended;
    if (signal?.aborted) throw abortError(signal);
    if (status === '') throw lostError(at, code);
    return exitCodeOf(status);
  } finally {
    for (const stop of stops) stop();
  }
}

/** Hands out what comes, no faster than it is taken. @returns the last word, and the close code. */
function receive(
  socket: WebSocket,
  outputs: ReadonlyMap<number | undefined, Writable>,
): Promise<{ status: string; code: number }> {
  let status = '';
  const full = new Set<Writable>();
  socket.on('message', (message) => {
    const { channel, payload } = unframe(message as Buffer) ?? {};
    if (payload === undefined || payload.length === 0) return;
    if (channel === STATUS) {
      status += payload.toString('utf8');
      // It is the last word, unless output is still on its way on another channel.
      setTimeout(() => closeSocket(socket), CLOSE_AFTER_STATUS).unref();
    }
    const output = outputs.get(channel);
    if (output === undefined || output.write(payload) || full.has(output)) return;
    full.add(output);
    socket.pause();
    output.once('drain', () => {
      full.delete(output);
      if (full.size === 0) socket.resume();
    });
  });
  return new Promise((resolve) => socket.on('close', (code) => resolve({ status, code })));
}

function followSize(socket: WebSocket, terminal: TerminalSize): () => void {
  const tell = () => {
    const { columns: Width, rows: Height } = terminal;
    if (Width === undefined || Height === undefined || socket.readyState !== WebSocket.OPEN) return;
    socket.send(frame(RESIZE, Buffer.from(JSON.stringify({ Width, Height }))));
  };
  tell();
  terminal.on('resize', tell);
  return () => terminal.off('resize', tell);
}

/** Sends what is read, no faster than it is taken. @returns what stops it and leaves the rest unread. */
function sendInput(socket: WebSocket, stdin: Readable, canEnd: boolean): () => void {
  const onData = (chunk: Buffer | string) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    stdin.pause();
    socket.send(frame(STDIN, Buffer.from(chunk)), () => stdin.resume());
  };
  const onEnd = () => {
    if (socket.readyState === WebSocket.OPEN && canEnd) socket.send(Buffer.from([CLOSE, STDIN]));
  };
  stdin.on('data', onData).on('end', onEnd);
  return () => {
    stdin.off('data', onData).off('end', onEnd);
    stdin.pause();
  };
}
