import { refusedError } from '../errors.ts';
import type { Api } from '../kube/client.ts';

export async function ensureBuckets(_api: Api, _store: unknown, buckets: readonly string[], _signal: AbortSignal): Promise<void> {
  throw refusedError('TODO', buckets.join());
}
