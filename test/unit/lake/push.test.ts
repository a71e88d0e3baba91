import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pace } from '../../../src/lake/pace.ts';
import { joinedEtag, md5, PART } from '../../../src/lake/parts.ts';
import { planPush, prune, push } from '../../../src/lake/push.ts';
import { TinyStore } from '../../helpers/tiny-store.ts';

let tiny: TinyStore;
let data: string;

beforeEach(async () => {
  tiny = await TinyStore.open();
  data = mkdtempSync(join(tmpdir(), 'push-'));
});
afterEach(async () => {
  await tiny.close();
  rmSync(data, { recursive: true, force: true });
});

function write(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(data, name)), { recursive: true });
  writeFileSync(join(data, name), content);
}

const plan = (...buckets: string[]) => planPush(tiny.store, data, buckets);

async function send(bucket: string, signal?: AbortSignal) {
  const plans = await plan(bucket);
  return await push(tiny.store, plans, { pace: new Pace(), signal, onProgress: () => undefined });
}

/** Content of three parts and a bit. */
const large = Buffer.alloc(3 * PART + 10, 'large');
const sent = () => tiny.seen.filter((one) => one.startsWith('PUT /'));
const parts = () => sent().filter((one) => one.includes('partNumber'));

describe('a push', () => {
  it('makes the bucket and sends every file, once', async () => {
    write('lake/a.csv', 'a');
    write('lake/with space/ü.txt', 'u');
    write('lake/empty', '');

    expect(await send('lake')).toEqual([]);
    expect(tiny.objects).toEqual(['lake/a.csv', 'lake/empty', 'lake/with space/ü.txt']);
    tiny.seen.length = 0;

    expect(await send('lake')).toEqual([]);
    expect(tiny.seen).toEqual(['GET /lake?encoding-type=url&list-type=2']);
  });

  it('sends what has another size, and what has another content of the same size', async () => {
    for (const name of ['same', 'grown', 'other']) write(`lake/${name}`, 'one');
    await send('lake');
    write('lake/grown', 'three');
    write('lake/other', 'two');

    const [planned] = await plan('lake');

    expect(planned).toMatchObject({ unchanged: 1, exists: true });
    expect(planned!.send.map(({ key }) => key)).toEqual(['grown', 'other']);
  });

  it('sends large files in parts, and knows them again by their ETag', async () => {
    write('lake/large.bin', large);

    await send('lake');

    expect(parts()).toHaveLength(4);
    expect(tiny.buckets.get('lake')!.get('large.bin')!.body.equals(large)).toBe(true);
    expect((await plan('lake'))[0]!.unchanged).toBe(1);
  });

  it.each([5, 16])('knows a file again that another program sent in parts of %i MiB', async (mib) => {
    const size = mib * 2 ** 20;
    const content = Buffer.alloc(Math.max(size * 2, PART) + 7, 'x');
    const digests = [0, 1, 2].map((index) => md5(content.subarray(index * size, (index + 1) * size)));
    write('lake/large.bin', content);
    tiny.put('lake', 'large.bin', content, joinedEtag(digests));

    expect((await plan('lake'))[0]).toMatchObject({ unchanged: 1, send: [] });
  });

  it('goes on with the parts that a killed run has sent', async () => {
    write('lake/large.bin', large);
    tiny.buckets.set('lake', new Map());
    const left = new Map(
      [2, 3].map((number) => [number, large.subarray((number - 1) * PART, number * PART)]),
    );
    left.set(3, Buffer.alloc(PART, 'damaged'));
    tiny.uploads.set('left', { bucket: 'lake', key: 'large.bin', parts: left });

    await send('lake');

    expect(
      parts()
        .map((one) => /partNumber=(\d)/.exec(one)![1])
        .sort(),
    ).toEqual(['1', '3', '4']);
    expect(tiny.buckets.get('lake')!.get('large.bin')!.body.equals(large)).toBe(true);
    expect(tiny.uploads.size).toBe(0);
  });

  it('leaves no parts behind when it is interrupted', async () => {
    write('lake/large.bin', large);
    const controller = new AbortController();
    tiny.interfere = (request) => {
      if (request.includes('partNumber=3')) controller.abort();
      return undefined;
    };

    await expect(send('lake', controller.signal)).rejects.toThrow();

    expect(parts().length).toBeGreaterThan(0);
    expect(tiny.uploads.size).toBe(0);
    expect(tiny.objects).toEqual([]);
  });

  it('sends a file again whose upload another run has ended with another content', async () => {
    write('lake/large.bin', large);
    let gone = false;
    tiny.interfere = (request) => {
      if (gone || !request.includes('partNumber=2')) return undefined;
      gone = true;
      tiny.uploads.clear();
      return undefined;
    };

    expect(await send('lake')).toEqual([]);
    expect(tiny.buckets.get('lake')!.get('large.bin')!.body.equals(large)).toBe(true);
  });

  it('names a file that changes while it is read, and sends the others', async () => {
    write('lake/large.bin', large);
    write('lake/small', 's');
    tiny.interfere = (request) => {
      if (request.includes('partNumber=4')) appendFileSync(join(data, 'lake/large.bin'), 'more');
      return undefined;
    };

    expect(await send('lake')).toEqual([
      { bucket: 'lake', key: 'large.bin', reason: 'it changed while it was read' },
    ]);
    expect(tiny.objects).toEqual(['lake/small']);
    expect(tiny.uploads.size).toBe(0);
  });

  it('names a file that the store refuses, and sends the others', async () => {
    write('lake/odd', 'o');
    write('lake/fine', 'f');
    tiny.interfere = (request) =>
      request === 'PUT /lake/odd' ? { status: 400, code: 'XMinioInvalidObjectName' } : undefined;

    expect(await send('lake')).toEqual([
      { bucket: 'lake', key: 'odd', reason: expect.stringContaining('XMinioInvalidObjectName') },
    ]);
    expect(tiny.objects).toEqual(['lake/fine']);
  });

  it.each([
    ['XMinioStorageFull', 507, 'STORE_FULL', /the store is full/],
    ['QuotaExceeded', 403, 'STORE_FULL', /the store is full/],
    ['AccessDenied', 403, 'STORE_RIGHTS', /may not do that/],
    ['SignatureDoesNotMatch', 403, 'STORE_KEYS', /does not know the keys/],
    ['RequestTimeTooSkewed', 403, 'STORE_CLOCK', /clocks/],
  ])('stops at %s and says why', async (code, status, expected, message) => {
    for (let index = 0; index < 300; index++) write(`lake/${index}`, String(index));
    tiny.buckets.set('lake', new Map());
    tiny.interfere = (request) => (request.startsWith('PUT /lake/') ? { status, code } : undefined);

    await expect(send('lake')).rejects.toMatchObject({
      code: expected,
      message: expect.stringMatching(message),
    });
    expect(sent().length).toBeLessThan(100);
  });

  it('outlasts a store that goes away and one that has too much to do', async () => {
    for (let index = 0; index < 50; index++) write(`lake/${index}`, String(index));
    const since = Date.now();
    const refusals = [
      { status: 503, code: 'SlowDown' },
      // What MinIO answers while it is being ended.
      { status: 499, code: 'ClientDisconnected' },
    ];
    tiny.interfere = (request) => {
      if (Date.now() - since < 3000) return 'reset';
      return request.endsWith('/7') && refusals.length > 0 ? refusals.shift() : undefined;
    };

    expect(await send('lake')).toEqual([]);
    expect(tiny.objects).toHaveLength(50);
    expect(tiny.trouble).toContainEqual(expect.stringMatching(/^waiting for tiny: /));
  });
});

describe('a prune', () => {
  it('deletes what no file stands behind, and nothing that was left out', async () => {
    write('lake/kept', 'k');
    write('lake/.hidden', 'h');
    write('lake/cache/x', 'x');
    write('lake/.datamillignore', 'cache/');
    for (const key of ['kept', 'gone', 'sub/gone & <odd>', '.hidden', 'cache/x', 'cache/y'])
      tiny.put('lake', key, 'k');

    const plans = await plan('lake');
    await prune(tiny.store, plans);

    expect(plans[0]!.extra).toEqual(['gone', 'sub/gone & <odd>']);
    expect(tiny.buckets.get('lake')!.has('gone')).toBe(false);
    for (const key of ['kept', '.hidden', 'cache/x', 'cache/y']) expect(tiny.text('lake', key)).toBe('k');
  });
});
