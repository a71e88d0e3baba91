import { unreachableError } from '../../errors.ts';

/** Milliseconds that an answer may take. */
const PATIENCE = 15_000;

export interface Management {
  /** Names of the queues of the vhost. */
  queues(): Promise<string[]>;
}

/**
 * RabbitMQ's management API, by which queues are found: AMQP has no way to list them.
 *
 * @param said its address; without one the broker's host, its port + 10000.
 */
export function managementOf(amqp: URL, said: string | undefined): Management {
  const { base, authorization } = addressOf(amqp, said);
  const vhost = vhostOf(amqp);
  return {
    async queues() {
      const url = `${base}/api/queues/${encodeURIComponent(vhost)}?columns=name&disable_stats=true`;
      let response: Response;
      try {
        response = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(PATIENCE) });
      } catch (error) {
        const cause = (error as Error).cause as Error | undefined;
        throw unreachableError(
          'QUEUE_UNREACHABLE',
          `${base} does not answer: ${cause?.message ?? (error as Error).message}`,
          {
            cause: error,
            hint: 'is the management plugin on? --amqp-mgt-url says where it is',
          },
        );
      }
      if (!response.ok) {
        await response.body?.cancel();
        throw unreachableError(
          'QUEUE_UNREACHABLE',
          `${base} answers ${response.status} when asked for the queues of ${vhost}`,
          {
            hint: 'the user of --amqp-url needs the tag "management" or a higher one',
          },
        );
      }
      const found = (await response.json()) as Array<{ name: string }>;
      return found.map(({ name }) => name);
    },
  };
}

/** The vhost that the path of an AMQP address names. */
export function vhostOf({ pathname }: URL): string {
  return pathname === '' || pathname === '/' ? '/' : decodeURIComponent(pathname.slice(1));
}

function addressOf(amqp: URL, said: string | undefined): { base: string; authorization: string } {
  const scheme = amqp.protocol === 'amqps:' ? 'https' : 'http';
  const port = Number(amqp.port || (amqp.protocol === 'amqps:' ? 5671 : 5672)) + 10_000;
  const url = new URL(said ?? `${scheme}://${amqp.hostname}:${port}`);
  const user = decodeURIComponent(url.username || amqp.username || 'guest');
  const password = decodeURIComponent(url.password || amqp.password || 'guest');
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { base: `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`, authorization };
}
