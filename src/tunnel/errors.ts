import { DatamillError, errorMessage, lockError, refusedError, unreachableError } from '../errors.ts';
import { formatDuration } from '../util/duration.ts';

/** Something of that name is there that is no tunnel. */
export function nameTaken(kind: string, namespace: string, name: string): DatamillError {
  return refusedError(
    'TUNNEL_NAME_TAKEN',
    `there is a ${kind} ${namespace}/${name} already, and it is no tunnel's`,
    {
      hint: 'give the tunnel another name: `datamill tunnel NAME`',
    },
  );
}

export function foreignTunnel(name: string, holder: string): DatamillError {
  return refusedError('TUNNEL_FOREIGN', `the tunnel ${name} belongs to ${holder}`, {
    hint: 'give yours another name: `datamill tunnel NAME`; `datamill tunnel list` shows all of them',
  });
}

export function tunnelInUse(name: string, holder: string): DatamillError {
  return lockError('TUNNEL_IN_USE', `the tunnel ${name} is in use by ${holder}`, {
    hint: 'end that one, give this one another name, or take it over with --reuse (keeps its address) or --replace',
  });
}

export function takenOver(name: string): DatamillError {
  return lockError('TUNNEL_TAKEN_OVER', `another run has taken over the tunnel ${name}`, {
    hint: 'nothing of it was deleted here; `datamill tunnel list` shows who has it',
  });
}

export function portInUse(port: number, cause: unknown): DatamillError {
  return new DatamillError('TUNNEL_PORT_IN_USE', `port ${port} is in use in the pod, and stays so`, {
    cause,
    hint: 'another connection to this tunnel holds it; `--replace` makes everything anew',
  });
}

export function noReadyNode(): DatamillError {
  return unreachableError('NO_NODE', 'no node is ready, so there is nowhere to connect to', {
    hint: 'take the default transport, which needs no node: leave --transport out',
  });
}

/** @param cause one error for each address. */
export function nodesUnreachable(
  addresses: readonly string[],
  port: number,
  cause: AggregateError,
): DatamillError {
  const why = (error: NodeJS.ErrnoException) =>
    error.code === 'ECONNREFUSED' ? 'refused' : (error.code ?? error.message);
  const all = addresses.map((address, index) => `${address}:${port} (${why(cause.errors[index])})`);
  return unreachableError('NO_NODE', `no node can be reached from here: tried ${all.join(', ')}`, {
    cause,
    hint: 'take the default transport, which needs no reachable node: leave --transport out',
  });
}

/** What to say when it could not be removed. */
export function leftOver(name: string, namespace: string, ttl: number, error: unknown): string {
  return `${name} in namespace ${namespace} could not be removed (${errorMessage(error)}); the cluster removes it by itself within ${formatDuration(ttl)}, \`datamill tunnel gc\` does so at once`;
}

const FINAL = [
  'HOST_KEY',
  'SSH_AUTH',
  'TUNNEL_',
  'TARGET_UNTRUSTED',
  'TARGET_CREDENTIALS',
  'KUBE_FORBIDDEN',
  'KUBE_UNAUTHORIZED',
];

/**
 * Errors that another try does not heal.
 *
 * @param connected whether it was connected before: a way that was there may come back.
 */
export function isFinal(error: unknown, { connected = true } = {}): boolean {
  if (!(error instanceof DatamillError)) return false;
  if (error.code === 'NO_NODE') return !connected;
  return FINAL.some((code) => error.code.startsWith(code));
}
