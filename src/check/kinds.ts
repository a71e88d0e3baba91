import type { Check } from '../config/schema/check.ts';
import type { Attempt } from './subject.ts';

/**
 * Uses the service once; each kind is loaded when it is needed.
 *
 * @returns what came back, for people.
 * @throws {CheckError} when it did not work; says whether another try may.
 */
export async function tryOnce(check: Check, attempt: Attempt): Promise<string> {
  if (check.http !== undefined) return await (await import('./http.ts')).checkHttp(check.http, attempt);
  if (check.tcp !== undefined) return await (await import('./tcp.ts')).checkTcp(check.tcp, attempt);
  if (check.condition !== undefined)
    return await (await import('./condition.ts')).checkCondition(check.condition, attempt);
  if (check.job !== undefined) return await (await import('./job.ts')).checkJob(check.job, attempt);
  if (check.s3 !== undefined) return await (await import('./s3.ts')).checkS3(attempt);
  return await (await import('./amqp.ts')).checkAmqp(attempt);
}
