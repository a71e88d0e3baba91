import { DatamillError, ExitCode, unreachableError } from '../errors.ts';

/** The API server refused a request; `status` is the HTTP code, `reason` the word of its Status. */
export class KubeError extends DatamillError {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(`KUBE_${reason.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}`, message, {
      exitCode: status === 401 ? ExitCode.unreachable : ExitCode.failed,
      hint: hintFor(status, message),
    });
    this.status = status;
    this.reason = reason;
  }
}

function hintFor(status: number, message: string): string | undefined {
  if (status === 401) return 'the credentials of this kube context are not valid (any more): log in again';
  if (status === 403 && message.includes('being terminated'))
    return 'the namespace is being deleted: `datamill doctor` says what keeps it';
  if (status === 403) return 'this user lacks a right; docs/rights.md lists the Roles that data-mill needs';
  return undefined;
}

/** Builds the error from a response body, which is a Status object when all is well. */
export function responseError(status: number, body: string): KubeError {
  try {
    const parsed = JSON.parse(body) as { message?: string; reason?: string };
    if (typeof parsed.message === 'string')
      return new KubeError(status, parsed.reason || `Http${status}`, parsed.message);
  } catch {
    // A proxy or a load balancer answered, not the API server.
  }
  return new KubeError(
    status,
    `Http${status}`,
    `the API server answered ${status}: ${body.slice(0, 200).trim() || 'nothing'}`,
  );
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

/** The request did not get an answer. */
export function connectionError(server: string, cause: Error): DatamillError {
  const tls = /certificate|self.signed|altnames|SSL|TLS/i.test(
    `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}`,
  );
  if (tls) {
    return unreachableError(
      'TARGET_UNTRUSTED',
      `the certificate of ${server} cannot be trusted: ${cause.message}`,
      {
        cause,
        hint: 'check certificate-authority-data of this context in the kubeconfig',
      },
    );
  }
  return unreachableError(
    'TARGET_UNREACHABLE',
    `the API server at ${server} does not answer: ${cause.message}`,
    {
      cause,
      hint: 'is the cluster running? `datamill start` starts one that is ours',
    },
  );
}

/** Faults of the way to the API server or of the server itself, which heal: worth another try. */
export function isFault(error: unknown): boolean {
  if (error instanceof KubeError) return [429, 500, 502, 503, 504].includes(error.status);
  return error instanceof DatamillError && error.code === 'TARGET_UNREACHABLE';
}
