import { randomBytes } from 'node:crypto';
import { Connection, greeting } from '../amqp/index.ts';
import { errorMessage } from '../errors.ts';
import { CheckError, final, notYet, refused } from './failure.ts';
import { reach } from './reach.ts';
import { readSecret } from './secrets.ts';
import type { Attempt } from './subject.ts';

/** How long a try waits for a connection, in milliseconds. */
const PATIENCE = 10_000;

interface Broker {
  service: string;
  namespace: string;
  port: number;
  vhost: string;
  username: string;
  password: string;
}

/** Sends a message through a queue of its own, which goes with the connection, and gets it back. */
export async function checkAmqp(attempt: Attempt): Promise<string> {
  const { api, signal, doing } = attempt;
  const broker = await brokerOf(attempt);
  const where = `${broker.service}.${broker.namespace}.svc:${broker.port}`;
  doing(`connecting to ${where}`);
  return await reach(api, broker, async (port) => {
    const wrong = await greeting({ host: '127.0.0.1', port }, PATIENCE, signal);
    if (wrong !== undefined) throw notYet(`${where} ${wrong}`);
    const connection = connect(broker, port);
    const stop = () => connection.unsafeDestroy();
    signal.addEventListener('abort', stop);
    // Its own errors tell why; what is waited for only ends.
    const failed = new Promise<never>((_, reject) => connection.on('error', reject));
    failed.catch(() => undefined);
    try {
      await Promise.race([roundTrip(connection, doing), failed]);
      return `a message went through a queue of ${where} (${broker.vhost}) and came back`;
    } catch (error) {
      throw explained(error, where);
    } finally {
      signal.removeEventListener('abort', stop);
      connection.unsafeDestroy();
    }
  });
}

function connect({ vhost, username, password }: Broker, port: number): Connection {
  return new Connection({
    hostname: '127.0.0.1',
    port,
    vhost,
    username,
    password,
    connectionTimeout: PATIENCE,
    acquireTimeout: PATIENCE,
  });
}

async function roundTrip(connection: Connection, doing: (what: string) => void): Promise<void> {
  const channel = await connection.acquire();
  doing('waiting for a message to come back');
  const { queue } = await channel.queueDeclare({ exclusive: true, autoDelete: true });
  await channel.confirmSelect();
  const sent = randomBytes(16).toString('hex');
  await channel.basicPublish({ routingKey: queue }, Buffer.from(sent));
  const message = await channel.basicGet({ queue, noAck: true });
  const back = message === undefined ? undefined : String(message.body);
  if (back !== sent)
    throw notYet(back === undefined ? 'the message did not come back' : 'another message came back');
  await channel.close();
}

function explained(error: unknown, where: string): unknown {
  if (error instanceof CheckError) return error;
  const { code } = error as { code?: string };
  // The library names the method that failed, where there is one.
  const message = `${where}: ${errorMessage(error).replace(/^undefined: /, '')}`;
  return code === 'ACCESS_REFUSED' || code === 'NOT_ALLOWED' ? refused(message) : notYet(message);
}

/** The broker that the component provides. */
async function brokerOf({ api, component, namespace, provides }: Attempt): Promise<Broker> {
  const { amqp } = provides;
  if (amqp === undefined)
    throw final(
      `${component} provides no amqp, so there is no broker to check`,
      'a check of the kind amqp uses what the component itself provides',
    );
  const { host, port, vhost, secret } = amqp as {
    host: string;
    port: number;
    vhost?: string | null;
    secret?: { name: string; user: string; password: string } | null;
  };
  const [, service, space] = /^([^.]+)\.([^.]+)\.svc(?:\..*)?$/.exec(host) ?? [];
  if (service === undefined || space === undefined)
    throw final(`${host} is no service of the cluster, so it cannot be reached from here`);
  const read = (key: string | undefined, otherwise: string) =>
    secret && key ? readSecret(api, namespace, { name: secret.name, key }) : otherwise;
  return {
    service,
    namespace: space,
    port,
    vhost: vhost ?? '/',
    username: await read(secret?.user, 'guest'),
    password: await read(secret?.password, 'guest'),
  };
}
