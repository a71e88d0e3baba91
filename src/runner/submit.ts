import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { configError } from '../errors.ts';
import { survey, packTo } from './artifacts/pack.ts';
import { Stores } from './artifacts/stores.ts';
import { labelled } from './attempt/labels.ts';
import { parsePrivateKey, sealingKey, sealRequest } from './envelope/index.ts';
import { openQueue } from './queues/index.ts';
import { parseRequest, type Request } from './request.ts';
import type { QueueSettings } from './settings.ts';

export interface SubmitOptions {
  file: string;
  queue: string;
  settings: QueueSettings;
  /** Files of keys. */
  encrypt?: string;
  sign?: string;
  signal?: AbortSignal;
}

export interface Submitted {
  key: string;
  queue: string;
  /** Labels of artifacts that were sent from folders of this machine. */
  sent: string[];
}

/**
 * Puts a request on a queue. What is missing of `key`, `time_added` and `status` is filled in;
 * artifacts that are read only and have a `local` folder or file are stored first.
 *
 * @throws {DatamillError} NO_FILE, BAD_REQUEST (exit 2), QUEUE_UNREACHABLE (exit 4).
 */
export async function submitRequest({
  file,
  queue,
  settings,
  encrypt,
  sign,
  signal,
}: SubmitOptions): Promise<Submitted> {
  const json = await readRequest(file);
  const request = parseRequest(json);
  const queues = await openQueue(queue, settings);
  try {
    const sent = await sendLocal(request, dirname(resolve(file)), signal);
    await queues.publish(queue, Buffer.from(JSON.stringify(sealed(request, json, encrypt, sign))), {
      create: true,
    });
    return { key: request.experiment.key, queue, sent };
  } finally {
    await queues.close();
  }
}

function sealed(
  request: Request,
  json: object,
  encrypt: string | undefined,
  sign: string | undefined,
): object {
  if (encrypt === undefined) {
    if (sign === undefined) return json;
    throw configError('FLAG', '--sign needs --encrypt: only encrypted requests are signed');
  }
  const signer = sign === undefined ? undefined : parsePrivateKey(readFileSync(sign, 'utf8'));
  return sealRequest(request, sealingKey(readFileSync(encrypt, 'utf8')), signer);
}

async function readRequest(file: string): Promise<{ experiment: Record<string, unknown> }> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw configError('NO_FILE', `${file} cannot be read`);
  let json: { experiment?: Record<string, unknown> };
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw configError('BAD_REQUEST', `${file} is no JSON: ${(error as Error).message}`, { at: { file } });
  }
  const defaults = {
    key: `${Math.floor(Date.now() / 1000)}_${randomUUID()}`,
    status: 'waiting',
    time_added: Date.now() / 1000,
  };
  const whole = { ...json, experiment: { ...defaults, ...json.experiment } };
  return replaceKey(whole, String(whole.experiment.key)) as typeof whole;
}

/** `{key}` in texts stands for the key of the experiment, so that a file can be submitted again. */
function replaceKey(value: unknown, key: string): unknown {
  if (typeof value === 'string') return value.replaceAll('{key}', key);
  if (Array.isArray(value)) return value.map((one) => replaceKey(one, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaceKey(one, key)]));
}

async function sendLocal(request: Request, folder: string, signal?: AbortSignal): Promise<string[]> {
  const stores = new Stores({ own: process.env, folders: ['/'] });
  const sent: string[] = [];
  try {
    for (const { label, artifact } of labelled(request)) {
      const local = artifact.local ? resolve(folder, artifact.local) : undefined;
      if (artifact.mutable || local === undefined || !existsSync(local)) continue;
      const place = stores.place(label, artifact, request);
      const work = await mkdtemp(join(tmpdir(), 'datamill-submit-'));
      try {
        const archive = join(work, 'artifact');
        await packTo(archive, place.key, await entriesOf(local), signal);
        await place.write(artifact.unpack === false ? local : archive, { signal });
        sent.push(label);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    }
  } finally {
    stores.close();
  }
  return sent;
}

async function entriesOf(path: string) {
  if ((await stat(path)).isDirectory()) return await survey(path);
  return (await survey(dirname(path))).filter((one) => one.path === path);
}
