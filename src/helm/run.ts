import { mkdirSync } from 'node:fs';
import { DatamillError } from '../errors.ts';
import { type ExecResult, exec } from '../util/exec.ts';
import { cacheFolder } from '../util/paths.ts';

export interface HelmOptions {
  input?: string;
  signal?: AbortSignal;
}

/** A resolved helm that can be run. */
export interface Helm {
  run(args: readonly string[], options?: HelmOptions): Promise<ExecResult>;
}

/** helm needs this long after SIGTERM to write that the release failed; killing it earlier wedges the release. */
const KILL_AFTER = 60_000;

/** Wraps the helm binary: folders of our own, no plugins, nothing of the user's configuration. */
export function helmAt(path: string): Helm {
  const home = cacheFolder('helm');
  const env = {
    HELM_CACHE_HOME: `${home}/cache`,
    HELM_CONFIG_HOME: `${home}/config`,
    HELM_DATA_HOME: `${home}/data`,
    HELM_NO_PLUGINS: '1',
    HELM_DRIVER: 'secret',
    HELM_NAMESPACE: undefined,
    HELM_KUBECONTEXT: undefined,
    HELM_KUBETOKEN: undefined,
    HELM_DEBUG: undefined,
    KUBECACHEDIR: `${home}/kube`,
    KUBECONFIG: undefined,
    NO_COLOR: '1',
    // A helm lives for seconds: collecting its garbage less often saves a tenth of its time or more.
    GOGC: process.env.GOGC ?? '400',
  };
  mkdirSync(home, { recursive: true });
  return {
    run: (args, { input, signal } = {}) => exec(path, args, { env, input, signal, killAfter: KILL_AFTER }),
  };
}

/** Helm's last error line without its prefix and its log lines. */
export function helmMessage({ stderr, signal }: ExecResult): string {
  const lines = stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(level=|time=|I\d{4}|W\d{4}|E\d{4})/.test(line));
  const start = lines.findLastIndex((line) => line.startsWith('Error:'));
  return (
    (start < 0 ? lines.slice(-3) : lines.slice(start))
      .join(' ')
      .replace(/^Error: /, '')
      .trim() || (signal === undefined ? 'helm gave no reason' : `helm was killed (${signal})`)
  );
}

/** Faults of the way to the API server or of the server itself, which heal: the same call is worth repeating. */
const TRANSIENT =
  /connection refused|connection reset|EOF|i\/o timeout|TLS handshake timeout|http2: |no route to host|context deadline exceeded \(Client|too many requests|TooManyRequests|Internal error occurred|internal server error|InternalError|ServiceUnavailable|server is currently unable|etcdserver|unable to return a response|apiserver not ready|the object has been modified|Operation cannot be fulfilled|leader changed|server was unable|unreachable|unable to handle the request|an error on the server|failed to delete release|status: Unknown/i;

export function isTransient(result: ExecResult): boolean {
  return (
    TRANSIENT.test(helmMessage(result)) || TRANSIENT.test(result.stderr.split('\n').slice(-5).join('\n'))
  );
}

export function helmError(what: string, result: ExecResult): DatamillError {
  return new DatamillError('HELM', `${what}: ${helmMessage(result)}`);
}
