import type { Socket } from 'node:net';
import { connectWithin } from './connect.ts';
import type { TunnelPort } from './types.ts';

/** Milliseconds until something that does not answer counts as down. */
const ANSWER_WITHIN = 10_000;

/** Opens a connection to where a port of the tunnel leads. */
export function connectLocal({ host, local }: Pick<TunnelPort, 'host' | 'local'>): Promise<Socket> {
  return connectWithin({ host, port: local, allowHalfOpen: true }, ANSWER_WITHIN);
}

/** Nothing listens there: not one address of the name took the connection. */
export function isRefused(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefused);
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
}

/** @returns what is wrong, in words; undefined when it answers. */
export async function probe(port: TunnelPort): Promise<Error | undefined> {
  try {
    (await connectLocal(port)).destroy();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

export function localWords(error: unknown): string {
  if (isRefused(error)) return 'nothing listens there';
  const { code, message } = error as NodeJS.ErrnoException;
  return message || code || 'it does not answer';
}
