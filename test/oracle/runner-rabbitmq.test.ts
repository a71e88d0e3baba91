import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packTo, survey } from '../../src/runner/artifacts/pack.ts';
import type { Delivery } from '../../src/runner/queues/contract.ts';
import { RabbitQueues } from '../../src/runner/queues/rabbit.ts';
import { eventually } from '../helpers/eventually.ts';
import { Rabbitmq, rabbitmqAvailable } from '../helpers/rabbitmq.ts';
import { fileRequest, startRunner } from '../helpers/runner.ts';
import { workspace } from '../helpers/workspace.ts';

const never = new AbortController().signal;
const bytes = (text: string) => Buffer.from(text);

describe.skipIf(!rabbitmqAvailable())('queues of a real RabbitMQ', { timeout: 240_000 }, () => {
  let broker: Rabbitmq;
  const opened: RabbitQueues[] = [];

  beforeAll(async () => {
    broker = await Rabbitmq.open({ settings: { consumer_timeout: 3_600_000 } });
  }, 300_000);
  afterAll(async () => {
    for (const one of opened) await one.close();
    await broker?.close();
  });

  function queues(custody = 600_000): RabbitQueues {
    const one = new RabbitQueues({
      url: broker.url,
      managementUrl: broker.management,
      deadSuffix: '_dead',
      custody,
    });
    opened.push(one);
    return one;
  }

  const take = async (from: RabbitQueues, queue: string): Promise<Delivery> =>
    (await from.receive(queue, never))!;

  it('are found, give one message per demand, and count attempts', async () => {
    const [one, two] = [queues(), queues()];
    for (const text of ['"a"', '"b"']) await one.publish('rmq_count', bytes(text));
    expect(await one.list()).toContain('rmq_count');

    const first = await take(one, 'rmq_count');
    const second = await take(two, 'rmq_count');
    expect([first, second].map(({ body, attempt }) => [Buffer.from(body).toString(), attempt])).toEqual([
      ['"a"', 1],
      ['"b"', 1],
    ]);
    await second.ack();
    await first.giveBack({ counted: true, delay: 0 });
    const again = await take(two, 'rmq_count');
    expect([Buffer.from(again.body).toString(), again.attempt]).toEqual(['"a"', 2]);
    await again.giveBack({ counted: false, delay: 0 });
    const third = await take(one, 'rmq_count');
    expect(third.attempt).toBe(2);

    await third.bury({ reason: 'poison', attempts: 2, host: 'h', time: 'now', tail: 'the end' });
    const [letter] = await one.dead('rmq_count');
    expect(letter).toMatchObject({ reason: 'poison', attempts: 2, tail: 'the end' });
    await one.revive('rmq_count', letter!.id);
    const revived = await take(one, 'rmq_count');
    expect(revived.attempt).toBe(1);
    await revived.ack();
    expect(await one.dead('rmq_count')).toEqual([]);
  });

  it('take a message back from a worker that is gone', async () => {
    const [one, two] = [queues(), queues()];
    await one.publish('rmq_gone', bytes('"x"'));
    await take(one, 'rmq_gone');
    await one.close();
    const again = await take(two, 'rmq_gone');
    expect(Buffer.from(again.body).toString()).toBe('"x"');
    await again.ack();
  });

  it('tell that they are deleted', async () => {
    const one = queues();
    await one.publish('rmq_deleted', bytes('"x"'));
    const delivery = await take(one, 'rmq_deleted');
    await broker.api('DELETE', '/api/queues/%2F/rmq_deleted');
    await eventually(async () => expect(delivery.lost.reason).toBe('queue-deleted'));
    await expect(one.publish('rmq_deleted', bytes('"y"'), { create: false })).rejects.toMatchObject({
      code: 'NO_QUEUE',
    });
  });

  it('keep a message in custody for longer than the broker waits, and nobody else gets it', async () => {
    const [one, two] = [queues(300), queues()];
    await one.publish('rmq_long', bytes('"x"'));
    const delivery = await take(one, 'rmq_long');
    const unacked = async () =>
      (await broker.api('GET', '/api/queues/%2F/')).filter(({ name }: { name: string }) =>
        name.startsWith('datamill.hold.'),
      );
    await eventually(async () => expect(await unacked()).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(delivery.lost.aborted).toBe(false);
    await delivery.ack();
    await eventually(async () => expect(await unacked()).toHaveLength(0));
    const end = AbortSignal.timeout(1_000);
    expect(await two.receive('rmq_long', end)).toBeUndefined();
  });

  it('get a message in custody back when its worker is gone', async () => {
    const [one, two] = [queues(300), queues()];
    await one.publish('rmq_crash', bytes('"x"'));
    await take(one, 'rmq_crash');
    await eventually(async () =>
      expect((await broker.api('GET', '/api/queues')).map(({ name }: { name: string }) => name)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^datamill\.hold\./)]),
      ),
    );
    await one.close();
    const again = await take(two, 'rmq_crash');
    expect([Buffer.from(again.body).toString(), again.attempt]).toEqual(['"x"', 1]);
    await again.ack();
  });

  it('are served by the program: what fails is put aside, what is drained is done by the next', async () => {
    const folder = workspace({
      'ws/main.py': [
        'import sys, time, os',
        "if sys.argv[1] == 'fail': print('about to fail'); sys.exit(3)",
        `flag = ${JSON.stringify(join('FOLDER', 'started'))}`,
        "first = not os.path.exists(flag); open(flag, 'w').close()",
        'if first: time.sleep(600)',
        "open('../retval/done', 'w').write('by the second')",
      ].join('\n'),
    });
    const store = join(folder, 'store');
    const code = readFileSync(join(folder, 'ws/main.py'), 'utf8').replace('FOLDER', folder);
    writeFileSync(join(folder, 'ws/main.py'), code);
    const submit = async (key: string, arg: string) => {
      mkdirSync(join(store, 'experiments', key), { recursive: true });
      await packTo(
        join(store, 'experiments', key, 'workspace.tar'),
        'x.tar',
        await survey(join(folder, 'ws')),
      );
      await queues().publish('rmq_serve', bytes(JSON.stringify(fileRequest(store, key, { args: [arg] }))));
    };
    const start = (name: string) =>
      startRunner([
        ...['--amqp-url', broker.url, '--amqp-mgt-url', broker.management, '--queue-match', '^rmq_serve$'],
        ...['--working-dir', join(folder, name), '--file-root', store, '--host-name', name],
        ...['--max-attempts', '2', '--retry-delay', '100ms'],
      ]);
    await submit('drained', 'wait');
    const one = start('one');
    await eventually(async () => expect(existsSync(join(folder, 'started')), one.stderr()).toBe(true), 120);
    one.child.kill('SIGTERM');
    expect(await one.ended).toBe(0);
    expect(existsSync(join(store, 'experiments/drained/_results'))).toBe(false);

    await submit('poison', 'fail');
    start('two');
    const results = join(store, 'experiments/drained/_results/_results.json');
    await eventually(async () => expect(JSON.parse(readFileSync(results, 'utf8')).host).toBe('two'), 120);
    await eventually(async () => {
      const letters = await queues().dead('rmq_serve');
      expect(letters).toMatchObject([{ reason: 'the program ended with exit code 3', attempts: 2 }]);
      expect(letters[0]!.tail).toContain('about to fail');
    }, 120);
    expect(existsSync(join(store, 'experiments/poison/_results'))).toBe(false);
  });
});
