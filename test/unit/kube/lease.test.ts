import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatamillError } from '../../../src/errors.ts';
import { holderName } from '../../../src/kube/holder.ts';
import { acquireLock, type LockOptions } from '../../../src/kube/lease.ts';
import { failure, TinyApi } from '../../helpers/tiny-api.ts';

const identity = { project: 'demo', namespace: 'ns' };
const collection = '/apis/coordination.k8s.io/v1/namespaces/ns/leases';
const path = `${collection}/datamill`;
/** A fiftieth of the real times. */
const timing = {
  renewEvery: 50,
  renewTimeout: 100,
  renewAgain: 10,
  silentAfter: 120,
  lostAfter: 480,
  staleAfter: 600,
  pollEvery: 20,
  patience: 1000,
};

let tiny: TinyApi;
let lost: DatamillError[];
let silences: boolean[];

beforeEach(async () => {
  tiny = await TinyApi.open();
  lost = [];
  silences = [];
});
afterEach(() => tiny.close());

function acquire(options: Partial<LockOptions> = {}) {
  return acquireLock(tiny.api, identity, {
    wait: false,
    timing,
    onLost: (error) => void lost.push(error),
    onSilence: (silent) => void silences.push(silent),
    ...options,
  });
}

function foreign(renewed: Date, holderIdentity = 'ann@far-away/12') {
  const spec = {
    holderIdentity,
    acquireTime: '2026-11-21T08:00:00.000000Z',
    renewTime: renewed.toISOString(),
  };
  return tiny.put(path, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'datamill' },
    spec,
  });
}

const holder = () => tiny.objects.get(path)?.spec?.holderIdentity;

describe('a free lock', () => {
  it('is taken, renewed, and deleted in the end', async () => {
    const lock = await acquire();
    expect(holder()).toBe(holderName());
    expect(tiny.objects.get(path)!.metadata.labels).toMatchObject({ 'datamill.io/project': 'demo' });
    const first = tiny.objects.get(path)!.metadata.resourceVersion;
    await sleep(150);
    expect(Number(tiny.objects.get(path)!.metadata.resourceVersion)).toBeGreaterThan(Number(first));
    await lock.release();
    expect(tiny.objects.size).toBe(0);
    const requests = tiny.seen.length;
    await sleep(100);
    expect(tiny.seen.length).toBe(requests);
    expect(lost).toEqual([]);
  });

  it.each([
    ['a 500', { status: 500 }],
    ['a 429', failure(429, 'TooManyRequests')],
    ['a conflict', failure(409, 'Conflict')],
    ['a lost connection', 'reset' as const],
  ])('is taken in spite of %s, before or after the write', async (_, answer) => {
    let faults = 4;
    tiny.interfere = (method, _path, when) =>
      method === 'POST' && faults-- > 0 && when === (faults % 2 === 0 ? 'after' : 'before')
        ? answer
        : undefined;
    const lock = await acquire();
    expect(holder()).toBe(holderName());
    await lock.release();
    expect(tiny.objects.size).toBe(0);
  });

  it('is given up when the fault does not heal', async () => {
    tiny.interfere = (method) => (method === 'POST' ? failure(500, 'Broken') : undefined);
    await expect(acquire()).rejects.toMatchObject({ status: 500 });
    tiny.interfere = (method) => (method === 'POST' ? failure(409, 'Conflict') : undefined);
    await expect(acquire()).rejects.toMatchObject({ code: 'LOCK_CONFLICT', exitCode: 6 });
  });
});

describe('the lock of somebody else', () => {
  it('is respected, with his name and since when', async () => {
    foreign(new Date());
    await expect(acquire()).rejects.toMatchObject({
      code: 'LOCKED',
      exitCode: 6,
      message: 'another run works on namespace ns: ann@far-away/12 since 2026-11-21T08:00:00Z',
    });
    expect(tiny.seen.filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  it('is waited for, and taken when it is gone', async () => {
    foreign(new Date());
    const told: string[] = [];
    const waiting = acquire({ wait: true, onWait: (who) => void told.push(who) });
    await sleep(60);
    tiny.objects.delete(path);
    const lock = await waiting;
    expect(told).toEqual(['ann@far-away/12 since 2026-11-21T08:00:00Z']);
    await lock.release();
  });

  it('is not taken as long as it changes, whatever the times in it say', async () => {
    foreign(new Date(0));
    const renewing = setInterval(() => foreign(new Date(0)), 50);
    try {
      const controller = new AbortController();
      const waiting = acquire({ wait: true, signal: controller.signal });
      waiting.catch(() => undefined);
      await sleep(timing.staleAfter * 2);
      expect(holder()).toBe('ann@far-away/12');
      controller.abort();
      await expect(waiting).rejects.toThrow();
      await expect(acquire()).rejects.toMatchObject({ code: 'LOCKED' });
    } finally {
      clearInterval(renewing);
    }
  });

  it('is watched when it looks old, and taken after its time', async () => {
    foreign(new Date(0));
    const began = performance.now();
    const lock = await acquire();
    expect(performance.now() - began).toBeGreaterThanOrEqual(timing.staleAfter - 1);
    expect(holder()).toBe(holderName());
    await lock.release();
  });

  it('is taken by one of two that wait for it', async () => {
    foreign(new Date(0));
    // The second writer has read what the first one overwrites.
    tiny.interfere = (method, _path, when) => {
      if (method !== 'PUT' || when !== 'before') return undefined;
      tiny.interfere = () => undefined;
      foreign(new Date(), 'bob@elsewhere/7');
      return undefined;
    };
    await expect(acquire()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('bob@'),
    });
    expect(holder()).toBe('bob@elsewhere/7');
  });

  it('is not believed dead for the name of its machine', async () => {
    // As two machines called localhost, or two containers of one host name, would have it.
    foreign(new Date(), `ann@${hostname()}/4194304`);
    await expect(acquire()).rejects.toMatchObject({ code: 'LOCKED' });
  });

  it('is taken at once from a dead process of this machine', async () => {
    const lock = await acquire();
    const own = tiny.objects.get(path)!;
    await lock.release();
    const [machine] = own.metadata.annotations!['datamill.io/process']!.split('/');
    const dead = async (pid: number, start: string) => {
      const annotations = { 'datamill.io/process': `${machine}/${start}` };
      const spec = { ...own.spec, holderIdentity: `ann@anything/${pid}` };
      tiny.put(path, { ...own, metadata: { name: 'datamill', annotations }, spec });
      const gone: string[] = [];
      const mine = await acquire({ onTakeOver: async (who) => void gone.push(who) });
      expect(gone).toEqual([`ann@anything/${pid}`]);
      await mine.release();
    };
    await dead(4194304, '1');
    // The number lives, but it is another process that began at another time.
    await dead(process.ppid, '1');
  });
});

describe('a held lock', () => {
  it('bears conflicts, faults and lost answers, and is deleted all the same', async () => {
    const lock = await acquire();
    let turn = 0;
    const answers = [failure(409, 'Conflict'), failure(500, 'Broken'), 'reset', { status: 429 }] as const;
    tiny.interfere = (method, _path, when) => {
      if (method === 'GET' || turn++ % 3 === 0) return undefined;
      return when === (turn % 2 === 0 ? 'before' : 'after') ? answers[turn % 4] : undefined;
    };
    await sleep(timing.lostAfter * 2);
    await lock.release();
    expect(tiny.objects.size).toBe(0);
    expect(lost).toEqual([]);
  });

  it('outlives a silence of 20 s, of which it tells', async () => {
    const lock = await acquire();
    tiny.interfere = () => 'silence';
    await sleep(340);
    tiny.interfere = () => undefined;
    await expect.poll(() => silences).toEqual([true, false]);
    expect(lost).toEqual([]);
    await lock.release();
  });

  it('is lost when it cannot be renewed, before another may take it', async () => {
    await acquire();
    tiny.interfere = () => failure(500, 'Broken');
    const began = performance.now();
    await expect.poll(() => lost.length, { timeout: 2000, interval: 5 }).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(timing.lostAfter - timing.renewEvery - 20);
    expect(lost[0]).toMatchObject({
      code: 'LOCK_LOST',
      exitCode: 6,
      message: expect.stringContaining('renewed'),
    });
  });

  it('is lost when somebody deletes or takes it, and what is his stays', async () => {
    await acquire();
    tiny.objects.delete(path);
    await expect.poll(() => lost.map(({ message }) => message)).toEqual([expect.stringContaining('deleted')]);
    const lock = await acquire();
    foreign(new Date());
    await expect.poll(() => lost.length).toBe(2);
    expect(lost[1]!.message).toContain('ann@far-away/12 since 2026-11-21T08:00:00Z took it');
    await lock.release();
    expect(holder()).toBe('ann@far-away/12');
  });
});
