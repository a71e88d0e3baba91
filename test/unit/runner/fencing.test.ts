import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Place, readWhole } from '../../../src/runner/artifacts/contract.ts';
import { FilePlace } from '../../../src/runner/artifacts/file-place.ts';
import { Lease } from '../../../src/runner/artifacts/lease.ts';
import { isConditional } from '../../../src/runner/artifacts/probe.ts';
import { S3Place } from '../../../src/runner/artifacts/s3-place.ts';
import { writeResults } from '../../../src/runner/attempt/results.ts';
import { Returns } from '../../../src/runner/attempt/returns.ts';
import { TinyStore } from '../../helpers/tiny-store.ts';
import { workspace } from '../../helpers/workspace.ts';

let tiny: TinyStore;
beforeAll(async () => {
  tiny = await TinyStore.open();
  tiny.buckets.set('b', new Map());
});
afterAll(() => tiny.close());

const signal = new AbortController().signal;
const take = (place: Place, holder: string, ttl = 60_000) => Lease.take({ place, holder, ttl, signal });

describe.each<[string, (key: string) => Place]>([
  ['files', (key) => new FilePlace(workspace(), key)],
  ['a fake of an object store', (key) => new S3Place(tiny.store, 'b', key)],
])('with %s', (_name, at) => {
  it('a write whose condition does not hold is refused', async () => {
    const place = at('x/cond');
    const first = await place.write(Buffer.from('1'), { condition: { was: null } });
    await expect(place.write(Buffer.from('2'), { condition: { was: null } })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const second = await place.write(Buffer.from('2'), { condition: { was: first } });
    await expect(place.write(Buffer.from('3'), { condition: { was: first } })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await place.head()).toMatchObject({ version: second });
    expect(await isConditional(place)).toBe(true);
    expect(await place.sibling('x/none').read()).toBeUndefined();
    expect(await place.list('x/')).toEqual(['x/cond']);
  });

  it('of two that ask at once one gets the lease, and the other one is told so', async () => {
    const place = at('attempts/two/lease.json');
    const got = await Promise.all([take(place, 'a', 400), take(place, 'b', 400)]);
    const held = got.filter((one) => one !== undefined);
    expect(held).toHaveLength(1);
    await held[0]!.release({ counted: true });
    const next = await take(place, 'c');
    expect(next).toMatchObject({ epoch: 2, attempts: 2 });
    await next!.release({ counted: false });
    const last = await take(place, 'd');
    expect(last).toMatchObject({ epoch: 3, attempts: 2 });
    await last!.release({ counted: true });
  });

  it('a worker that wakes up late writes nothing over what the winner stored', async () => {
    const lease = at('attempts/zombie/lease.json');
    const [output, results] = [lease.sibling('e/output.tar'), lease.sibling('e/_results/_results.json')];
    const folder = workspace({ 'a/output/text': 'by a', 'b/output/text': 'by b' });
    for (const name of ['a', 'b']) mkdirSync(join(folder, name, '_runner'));
    const returnsOf = async (name: string, held: Lease, conditional = true) => {
      const returns = new Returns({ root: join(folder, name), lease: held, conditional });
      const version = (await output.head())?.version ?? null;
      await returns.begin('output', version);
      writeFileSync(join(folder, name, 'output/text'), `changed by ${name}`);
      return returns;
    };
    const a = (await take(lease, 'a'))!;
    const returnsA = await returnsOf('a', a);

    // What a frozen worker looks like from outside: its last sign is old.
    const record = JSON.parse((await readWhole(lease, 10_000))!.body.toString());
    await lease.write(Buffer.from(JSON.stringify({ ...record, renewed: new Date(0).toISOString() })));
    const b = (await take(lease, 'b'))!;
    const returnsB = await returnsOf('b', b);
    expect(await returnsB.send('output', output)).toBe(true);
    const words = { exit_msg: 'ok', experiment_id: 'e', artifacts: {}, schema: 1 as const, request: 'd' };
    const end = { was: null, scratch: folder, conditional: true };
    await writeResults(results, { ...words, host: 'b', epoch: b.epoch }, { ...end, lease: b });
    await b.release({ counted: true });
    const stored = (await readWhole(output, 100_000))!;

    await expect(returnsA.send('output', output)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(
      writeResults(results, { ...words, host: 'a', epoch: a.epoch }, { ...end, lease: a }),
    ).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(a.lost.aborted).toBe(true);
    expect((await readWhole(output, 100_000))!.body.equals(stored.body)).toBe(true);
    expect(stored.body.includes('changed by b')).toBe(true);
    expect(JSON.parse((await readWhole(results, 10_000))!.body.toString()).host).toBe('b');
  });
});

it('a store that drops conditions is found out', async () => {
  const loose = new FilePlace(workspace(), 'k');
  const dropping: Place = {
    ...loose,
    name: 'loose://k',
    key: 'k',
    head: () => loose.head(),
    read: () => loose.read(),
    list: (prefix) => loose.list(prefix),
    remove: () => loose.remove(),
    write: (content) => loose.write(content),
    sibling: () => dropping,
  };
  expect(await isConditional(dropping)).toBe(false);
});
