import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/check/index.ts';
import { Check } from '../../src/config/schema/check.ts';
import { eventually } from '../helpers/eventually.ts';
import { podBridge, putSecret } from '../helpers/pod-bridge.ts';
import { Rabbitmq, rabbitmqAvailable } from '../helpers/rabbitmq.ts';

const closing: Array<() => unknown> = [];
let rabbitmq: Rabbitmq;

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A component that provides the broker as the service `web:5672`, with a user of its own. */
async function subjectOf(vhost: string, password: string) {
  const { pods, subject } = await podBridge({ 5672: rabbitmq.port });
  closing.push(() => pods.close());
  putSecret(pods, 'auth', { user: 'alice', password });
  const secret = { name: 'auth', user: 'user', password: 'password' };
  return { ...subject, provides: { amqp: { host: 'web.shop.svc', port: 5672, vhost, secret } } };
}

const check = (timeout: number) => Check.parse({ name: 'works', timeout, amqp: {} });

describe.skipIf(!rabbitmqAvailable())('a check by AMQP, of a real RabbitMQ', () => {
  beforeAll(async () => {
    rabbitmq = await Rabbitmq.open();
    await rabbitmq.api('PUT', '/api/vhosts/team%2Fa');
    await rabbitmq.api('PUT', '/api/users/alice', { password: 'wonder/land', tags: '' });
    await rabbitmq.api('PUT', '/api/permissions/team%2Fa/alice', {
      configure: '.*',
      write: '.*',
      read: '.*',
    });
  }, 300_000);
  afterAll(() => rabbitmq?.close());

  it('sends a message through a queue, gets it back and leaves nothing', async () => {
    const result = await runCheck(await subjectOf('team/a', 'wonder/land'), check(60));

    expect(result).toMatchObject({
      result: 'passed',
      message: 'a message went through a queue of web.shop.svc:5672 (team/a) and came back',
    });
    // The broker removes it in its own time, once the connection is gone.
    await eventually(async () => expect(await rabbitmq.api('GET', '/api/queues')).toEqual([]));
  });

  it('fails with the words of the broker when it refuses', async () => {
    const cases: Array<[vhost: string, password: string, words: RegExp]> = [
      ['team/a', 'looking-glass', /ACCESS_REFUSED|access.refused/i],
      ['elsewhere', 'wonder/land', /vhost elsewhere not found/i],
      ['/', 'wonder/land', /access to vhost '\/' refused/i],
    ];
    const results = await Promise.all(
      cases.map(async ([vhost, password]) => await runCheck(await subjectOf(vhost, password), check(60))),
    );

    for (const [index, [, password, words]] of cases.entries()) {
      expect(results[index]).toMatchObject({ result: 'failed', message: expect.stringMatching(words) });
      expect(results[index]!.message).not.toContain(password);
      // Not the 60 seconds of its deadline: what is refused once more stays so.
      expect(results[index]!.seconds).toBeLessThan(50);
    }
  });

  it('fails while the broker is away, and passes once it is back', async () => {
    const subject = await subjectOf('team/a', 'wonder/land');
    await rabbitmq.stop('SIGKILL');
    expect(await runCheck(subject, check(2))).toMatchObject({ result: 'failed' });

    await rabbitmq.start();

    expect(await runCheck(subject, check(60))).toMatchObject({ result: 'passed' });
  });
});
