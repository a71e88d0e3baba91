import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { configError } from '../../errors.ts';
import { pause } from '../../util/abort.ts';
import { isAlive } from '../../util/lock.ts';
import type { DeadLetter, Delivery, TaskQueues } from './contract.ts';

/** Milliseconds between two looks into an empty folder. */
const LOOK_EVERY = 100;
/** Milliseconds without a heartbeat after which a message that another machine holds comes back. */
const STALE = 60_000;
const HEARTBEAT = 10_000;

const HELD = '.held';
const DEAD = '_dead';

export interface FileQueuesOptions {
  root: string;
  deadSuffix?: string;
  /** Milliseconds after which a silent holder has lost its message. */
  stale?: number;
}

/**
 * Queues that are folders and messages that are files, as the `local_*` queues of studio-go-runner;
 * the oldest file comes first. A message that is worked on is in the subfolder `.held`, under a
 * name that says who holds it; one that may not come yet has its time in the future.
 */
export class FileQueues implements TaskQueues {
  readonly name: string;
  readonly #root: string;
  readonly #deadSuffix: string;
  readonly #stale: number;

  constructor({ root, deadSuffix = DEAD, stale = STALE }: FileQueuesOptions) {
    this.#root = root;
    this.#deadSuffix = deadSuffix;
    this.#stale = stale;
    this.name = `files in ${root}`;
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true }).catch(none);
    return entries.filter((one) => one.isDirectory()).map((one) => one.name);
  }

  async exists(queue: string): Promise<boolean> {
    return await stat(this.#folder(queue)).then(
      (found) => found.isDirectory(),
      () => false,
    );
  }

  async receive(queue: string, signal: AbortSignal): Promise<Delivery | undefined> {
    while (!signal.aborted) {
      const taken = await this.#take(queue);
      if (taken !== undefined) return taken;
      await pause(LOOK_EVERY, signal).catch(() => undefined);
    }
    return undefined;
  }

  async publish(queue: string, body: Uint8Array, { create = true } = {}): Promise<void> {
    const folder = this.#folder(queue);
    if (!create && !(await this.exists(queue)))
      throw configError('NO_QUEUE', `there is no queue ${queue} in ${this.#root}`);
    await mkdir(folder, { recursive: true });
    await this.#write(folder, `${Date.now()}-${randomUUID()}`, body);
  }

  async dead(queue: string): Promise<Array<DeadLetter & { id: string; body: Uint8Array }>> {
    const folder = this.#folder(`${queue}${this.#deadSuffix}`);
    const names = (await readdir(folder).catch(none)).filter((name) => name.endsWith('.json')).sort();
    return await Promise.all(
      names.map(async (name) => {
        const { body, ...letter } = JSON.parse(await readFile(join(folder, name), 'utf8'));
        return { ...letter, id: name.slice(0, -5), body: Buffer.from(body, 'base64') };
      }),
    );
  }

  async revive(queue: string, id: string): Promise<void> {
    const letter = (await this.dead(queue)).find((one) => one.id === id);
    if (letter === undefined) throw configError('NO_LETTER', `${queue} has no dead letter ${id}`);
    await this.publish(queue, letter.body);
    await rm(join(this.#folder(`${queue}${this.#deadSuffix}`), `${id}.json`), { force: true });
  }

  async close(): Promise<void> {}

  async #take(queue: string): Promise<Delivery | undefined> {
    const folder = this.#folder(queue);
    await this.#reclaim(folder);
    const entries = await readdir(folder, { withFileTypes: true }).catch(none);
    const files = entries.filter((one) => one.isFile() && !hidden(one.name)).map((one) => one.name);
    const times = await Promise.all(
      files.map((name) =>
        stat(join(folder, name)).then(
          (found) => ({ name, at: found.mtimeMs }),
          () => undefined,
        ),
      ),
    );
    const due = times.flatMap((one) => (one === undefined || one.at > Date.now() ? [] : [one]));
    due.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
    for (const { name } of due) {
      const held = await this.#hold(folder, name);
      if (held !== undefined) return await this.#deliver(queue, folder, name, held);
    }
    return undefined;
  }

  /** Whoever renames the file has it. */
  async #hold(folder: string, name: string): Promise<string | undefined> {
    await mkdir(join(folder, HELD), { recursive: true });
    const held = join(folder, HELD, `${name}@${hostname()}@${process.pid}`);
    try {
      // Before it moves: a file with an old time would be taken for one whose holder is gone.
      await touch(join(folder, name));
      await rename(join(folder, name), held);
      return held;
    } catch {
      return undefined;
    }
  }

  async #deliver(queue: string, folder: string, name: string, held: string): Promise<Delivery> {
    const body = await readFile(held);
    const lost = new AbortController();
    const beat = setInterval(
      () => {
        touch(held).catch(async () => lost.abort((await exists(folder)) ? 'connection' : 'queue-deleted'));
      },
      Math.min(HEARTBEAT, this.#stale / 4),
    );
    const done = async (end: () => Promise<void>) => {
      clearInterval(beat);
      await end();
    };
    const attempt = attemptsOf(name) + 1;
    return {
      body,
      queue,
      attempt,
      lost: lost.signal,
      ack: () => done(() => rm(held, { force: true })),
      giveBack: ({ counted, delay }) =>
        done(async () => {
          const next = withAttempts(name, counted ? attempt : attempt - 1);
          await touch(held, Date.now() + delay);
          await rename(held, join(folder, next));
        }),
      bury: (letter) =>
        done(async () => {
          const grave = this.#folder(`${queue}${this.#deadSuffix}`);
          await mkdir(grave, { recursive: true });
          const text = JSON.stringify({ ...letter, body: body.toString('base64') }, null, 1);
          await this.#write(grave, `${Date.now()}-${randomUUID()}.json`, Buffer.from(text));
          await rm(held, { force: true });
        }),
    };
  }

  /** What a holder that is gone has left comes back, as an attempt that failed. */
  async #reclaim(folder: string): Promise<void> {
    for (const entry of await readdir(join(folder, HELD)).catch(none)) {
      const [name = '', host, pid] = entry.split('@');
      const held = join(folder, HELD, entry);
      const age = await stat(held).then(
        (found) => Date.now() - found.mtimeMs,
        () => 0,
      );
      const gone = host === hostname() ? !isAlive(Number(pid)) : age > this.#stale;
      if (!gone && age <= this.#stale) continue;
      const back = withAttempts(name, attemptsOf(name) + 1);
      await rename(held, join(folder, back)).catch(() => undefined);
    }
  }

  #folder(queue: string): string {
    if (!/^[\w][\w.-]*$/.test(queue))
      throw configError('QUEUE_NAME', `"${queue}" cannot be the name of a queue`);
    return join(this.#root, queue);
  }

  async #write(folder: string, name: string, body: Uint8Array): Promise<void> {
    const temporary = join(folder, `.${name}.tmp`);
    await writeFile(temporary, body, { mode: 0o600 });
    await rename(temporary, join(folder, name));
  }
}

const none = () => [];

function hidden(name: string): boolean {
  // The StudioML client marks its queue as active with this file.
  return name.startsWith('.') || name === 'is_active.queue';
}

function attemptsOf(name: string): number {
  return Number(/\.attempt-(\d+)$/.exec(name)?.[1] ?? 0);
}

function withAttempts(name: string, attempts: number): string {
  const bare = name.replace(/\.attempt-\d+$/, '');
  return attempts === 0 ? bare : `${bare}.attempt-${attempts}`;
}

async function touch(path: string, at = Date.now()): Promise<void> {
  await utimes(path, new Date(), new Date(at));
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
