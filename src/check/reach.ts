import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { type Forwarded, forwardService } from '../kube/forward.ts';
import { CheckError, final } from './failure.ts';

/**
 * Opens a port of this machine that leads to a service and hands it to `use`; closed afterwards.
 *
 * @throws {CheckError} when there is no such service, or the user may not forward ports.
 */
export async function reach<T>(
  api: Api,
  at: { namespace: string; service: string; port: number },
  use: (port: number) => Promise<T>,
): Promise<T> {
  // Why a connection broke is known to the port-forward; whoever uses it only sees that it broke.
  let broken: unknown;
  let forwarded: Forwarded | undefined;
  try {
    forwarded = await forwardService(api, at.namespace, at.service, at.port, (error) => {
      broken ??= error;
    });
    return await use(forwarded.port);
  } catch (error) {
    throw explained(isAnswer(error) ? error : (broken ?? error));
  } finally {
    forwarded?.close();
  }
}

/** The service itself said no, so that no broken connection explains more. */
function isAnswer(error: unknown): boolean {
  return error instanceof CheckError && error.patience !== Number.POSITIVE_INFINITY;
}

/** What is forbidden, or not there, stays so. */
const FINAL = ['KUBE_FORBIDDEN', 'NO_SERVICE', 'NO_SUCH_PORT'];

function explained(error: unknown): unknown {
  if (error instanceof CheckError || !(error instanceof DatamillError)) return error;
  return FINAL.includes(error.code) ? final(error.message, error.hint) : error;
}
