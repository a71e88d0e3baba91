import { randomUUID } from 'node:crypto';
import { ConflictError, type Place } from './contract.ts';

const probed = new Map<string, Promise<boolean>>();

/**
 * Whether a store keeps to conditions of writes: some, and proxies before some, drop them without a
 * word. Asked once per bucket.
 */
export function isConditional(place: Place): Promise<boolean> {
  const bucket = place.name.slice(0, place.name.length - place.key.length);
  let asking = probed.get(bucket);
  if (asking === undefined) {
    asking = probe(place.sibling(`attempts/.probe-${randomUUID()}`));
    asking.catch(() => probed.delete(bucket));
    probed.set(bucket, asking);
  }
  return asking;
}

async function probe(place: Place): Promise<boolean> {
  const version = await place.write(Buffer.from('1'), { condition: { was: null } });
  try {
    if (!(await refuses(place, null))) return false;
    return await refuses(place, `${version.slice(0, -1)}${version.endsWith('0') ? '1' : '0'}`);
  } finally {
    await place.remove().catch(() => undefined);
  }
}

async function refuses(place: Place, was: string | null): Promise<boolean> {
  try {
    await place.write(Buffer.from('2'), { condition: { was } });
    return false;
  } catch (error) {
    if (error instanceof ConflictError) return true;
    throw error;
  }
}
