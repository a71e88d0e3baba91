import { DatamillError, unreachableError } from '../errors.ts';

/** The other side showed another key than the one it must have: nothing was sent to it. */
export function hostKeyError(seen: string, wanted: string): DatamillError {
  return unreachableError('HOST_KEY', `the SSH server is not ours: its key is ${seen}, not ${wanted}`, {
    hint: 'somebody put another server in its place, or changed its Secret: find out who before you try again',
  });
}

export function authError(cause: Error): DatamillError {
  return unreachableError('SSH_AUTH', `the SSH server refuses our key: ${cause.message}`, {
    cause,
    hint: 'its list of keys was changed in the cluster',
  });
}

/** The connection did not come about, or ended: worth another try. */
export function lostError(why: string, cause?: unknown): DatamillError {
  return new DatamillError('SSH_LOST', `the SSH connection is lost: ${why}`, { cause });
}

/** The server does not listen where we asked it to. */
export function listenError(host: string, port: number, cause: Error): DatamillError {
  return new DatamillError('SSH_LISTEN', `the SSH server cannot listen on ${host}:${port}`, { cause });
}
