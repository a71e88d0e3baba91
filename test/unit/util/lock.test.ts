import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pause } from '../../../src/util/abort.ts';
import { readHolder, withLock } from '../../../src/util/lock.ts';
import { temporaryFolder } from '../tools/helpers.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder, 'sub', 'lock');
});

afterEach(() => rm(folder, { recursive: true }));

it('lets one in at a time', async () => {
  let inside = 0;
  let most = 0;
  const body = async () => {
    most = Math.max(most, ++inside);
    await pause(15);
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, {}, body)));
  expect(most).toBe(1);
  expect(await readdir(join(folder, 'sub'))).toEqual([]);
});

it('tells who holds it, and is released when the body fails', async () => {
  const failing = withLock(path, {}, async () => {
    expect(await readHolder(path)).toMatchObject({ pid: process.pid });
    throw new Error('inside');
  });
  await expect(failing).rejects.toThrow('inside');
  expect(await readHolder(path)).toBeUndefined();
});

it('takes over a lock without heartbeat, once, however many wait', async () => {
  await withLock(path, {}, async () => {});
  // Another machine's process: only the heartbeat can tell.
  await writeFile(path, JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x', since: '' }));
  let inside = 0;
  let most = 0;
  const started = performance.now();
  await Promise.all(
    [1, 2, 3, 4].map(() =>
      withLock(path, { staleAfter: 300 }, async () => {
        most = Math.max(most, ++inside);
        await pause(20);
        inside--;
      }),
    ),
  );
  expect(performance.now() - started).toBeGreaterThan(280);
  expect(most).toBe(1);
});

it('leaves a lock alone whose heartbeat goes on, and holds its own that way', async () => {
  await withLock(path, {}, async () => {});
  await writeFile(path, JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x', since: '' }));
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), 50);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 900);
  const waiting = withLock(path, { staleAfter: 300, signal: controller.signal }, async () => 'entered');
  await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
  clearInterval(beat);
  await rm(path);

  const order: string[] = [];
  const first = withLock(path, { staleAfter: 300 }, async () => {
    await pause(900);
    order.push('first');
  });
  await pause(20);
  await withLock(
    path,
    { staleAfter: 300, onWait: (holder) => order.push(`waits for ${holder?.pid}`) },
    async () => {
      order.push('second');
    },
  );
  await first;
  expect(order).toEqual([`waits for ${process.pid}`, 'first', 'second']);
});
