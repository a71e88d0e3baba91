import { DatamillError, refusedError, unreachableError } from '../../errors.ts';
import type { ExecResult } from '../../util/exec.ts';

/** A CloudEvent of `minikube -o json`, one per line; types end in step, info, error, download, … */
interface Event {
  type?: string;
  data?: Partial<
    Record<
      'message' | 'currentstep' | 'totalsteps' | 'name' | 'advice' | 'exitcode' | 'artifact' | 'progress',
      string
    >
  >;
}

function eventOf(line: string): Event | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Event;
  } catch {
    return undefined;
  }
}

/** `[3/12] Starting control plane node`; steps may be left out, so the number jumps. */
export function progressOf(line: string): string | undefined {
  const { type = '', data = {} } = eventOf(line) ?? {};
  const message = (data.message ?? '').trim();
  if (type.endsWith('.step')) return `[${data.currentstep}/${data.totalsteps}] ${message}`;
  if (type.endsWith('.download.progress')) {
    const share = Number(data.progress);
    return Number.isFinite(share) ? `fetching ${data.artifact}: ${Math.round(share * 100)} %` : undefined;
  }
  return type.endsWith('.warning') ? message : undefined;
}

/**
 * What minikube says about its failure. Its exit codes come in tens (pkg/minikube/reason): 2x what
 * the machine lacks, 5x the driver, 6x what the driver needs, 4x the network.
 */
export function explain({ stdout, stderr, exitCode }: ExecResult): DatamillError | undefined {
  const error = `${stdout}\n${stderr}`
    .split('\n')
    .map(eventOf)
    .findLast((event) => event?.type?.endsWith('.error'));
  const { message, advice, name } = error?.data ?? {};
  if (message === undefined) return undefined;
  const said = `minikube${name ? ` (${name})` : ''}: ${message.trim()}`;
  const hint = advice?.trim() || 'see `minikube logs`';
  const kind = Math.floor(exitCode / 10);
  if (kind === 2 || kind === 5 || kind === 6) return refusedError('TARGET_REFUSED', said, { hint });
  if (kind === 4) return unreachableError('TARGET_NETWORK', said, { hint });
  return new DatamillError('TARGET_FAILED', said, { hint });
}
