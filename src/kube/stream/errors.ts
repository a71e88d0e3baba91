import { DatamillError } from '../../errors.ts';
import { KubeError } from '../errors.ts';

/** A port of a pod, for messages. */
export interface PodPort {
  namespace: string;
  pod: string;
  port: number;
}

/** The API server did not open a stream; `resource` is such as `pods/portforward`. */
export function openError(
  error: unknown,
  resource: string,
  { namespace, pod }: Omit<PodPort, 'port'>,
): unknown {
  if (!(error instanceof KubeError)) return error;
  if (error.status === 403) {
    return new DatamillError(error.code, error.message, {
      cause: error,
      hint: `this takes the verbs create and get on ${resource} in namespace ${namespace}; docs/rights.md lists the Roles that data-mill needs`,
    });
  }
  if (error.status === 404 || /pod (not found|does not exist)/i.test(error.message))
    return podGone(namespace, pod, error);
  return error;
}

/** What the node says on the error channel of a port-forward, in words. */
export function forwardError({ namespace, pod, port }: PodPort, said: string): DatamillError {
  const cause = new Error(said);
  if (/connection refused/i.test(said)) {
    return new DatamillError('PORT_CLOSED', `nothing listens on port ${port} of pod ${namespace}/${pod}`, {
      cause,
      hint: 'the program in the pod is not up yet, or listens on another port',
    });
  }
  if (/not running|not found|does not exist|no such file|namespace.* closed/i.test(said))
    return podGone(namespace, pod, cause);
  return new DatamillError(
    'PORT_FORWARD',
    `the connection to port ${port} of pod ${namespace}/${pod} broke: ${said.trim()}`,
    { cause },
  );
}

/** The way to the pod ended without a word: what was read may be only a part. */
export function lostError({ namespace, pod }: Omit<PodPort, 'port'>, code: number | 'reset'): DatamillError {
  return new DatamillError(
    'STREAM_LOST',
    `the connection to pod ${namespace}/${pod} was cut (${code === 'reset' ? 'stream reset' : `WebSocket code ${code}`})`,
    { hint: 'the pod ended, or the way to the API server was interrupted' },
  );
}

function podGone(namespace: string, pod: string, cause: unknown): DatamillError {
  return new DatamillError('POD_GONE', `pod ${namespace}/${pod} is not there any more`, { cause });
}
