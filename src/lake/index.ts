// The object store: buckets, objects, and folders that become buckets.
import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import { registerSecrets } from '../util/redact.ts';
import { bucketProblem, hasBucket, makeBucket } from './buckets.ts';
import { Store, type StoreOptions } from './store.ts';
import { directWay, forwardedWay, type Way } from './way.ts';

export { type Bucket, listBuckets, makeBucket, removeBucket } from './buckets.ts';
export { abortUpload, beginUpload, completeUpload, putPart } from './multipart.ts';
export { deleteObjects, listPages, openObject, putObject } from './objects.ts';
export { Store } from './store.ts';
export { directWay } from './way.ts';

/** An object store as the capability `s3` describes it. */
export interface ObjectStore {
  /** What it is called in messages; default `the object store`. */
  name?: string;
  /** Namespace of its Secret. */
  namespace: string;
  fields: Record<string, unknown>;
}

type Told = Pick<StoreOptions, 'onTrouble' | 'onBusy'>;

/**
 * Makes buckets that are not there. A store inside the cluster is reached through a port-forward.
 *
 * @throws {DatamillError} BUCKET_NAME (exit 2) for a name that S3 refuses; what the store says.
 */
export async function ensureBuckets(
  api: Api,
  described: ObjectStore,
  buckets: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  checkBucketNames(buckets);
  const store = await openStore(api, described);
  try {
    for (const bucket of buckets)
      if (!(await hasBucket(store, bucket, signal))) await makeBucket(store, bucket, signal);
  } finally {
    store.close();
  }
}

/** @throws {DatamillError} BUCKET_NAME (exit 2), all of them at once. */
export function checkBucketNames(buckets: readonly string[], hint?: string): void {
  const [first, ...others] = buckets.flatMap((bucket) => {
    const problem = bucketProblem(bucket);
    return problem === undefined ? [] : [{ bucket, problem }];
  });
  if (first === undefined) return;
  const error = ({ bucket, problem }: typeof first, more: DatamillError[] = []) =>
    new DatamillError('BUCKET_NAME', `S3 has no bucket named "${bucket}": ${problem}`, {
      exitCode: 2,
      hint,
      others: more,
    });
  throw error(
    first,
    others.map((one) => error(one)),
  );
}

/**
 * Opens the way to a store; nothing is sent to it yet. Close it in the end.
 *
 * @throws {DatamillError} STORE_SECRET (exit 1) when its keys cannot be had.
 */
export async function openStore(api: Api, described: ObjectStore, told: Told = {}): Promise<Store> {
  const { name = 'the object store', namespace, fields } = described;
  const { ca, ...credentials } = await readSecret(api, namespace, fields.secret);
  const region = typeof fields.region === 'string' ? fields.region : 'us-east-1';
  return new Store({ name, way: wayTo(api, fields, ca), credentials, region, ...told });
}

function wayTo(api: Api, fields: Record<string, unknown>, ca: string | undefined): Way {
  const { endpoint, host, port } = fields as { endpoint: string; host: string; port: number };
  const secure = fields.secure === true || endpoint.startsWith('https:');
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\..*)?$/.exec(host) ?? [];
  if (service !== undefined && namespace !== undefined)
    return forwardedWay(api, { namespace, service, port, secure, ca });
  return directWay({ secure, host: host.replace(/^\[|\]$/g, ''), port, ca });
}

async function readSecret(api: Api, namespace: string, secret: unknown) {
  const { name, accessKey, secretKey, ca } = (secret ?? {}) as Record<string, string | undefined>;
  if (name === undefined || accessKey === undefined || secretKey === undefined) {
    throw new DatamillError('STORE_SECRET', 'the object store says no Secret with its keys', {
      hint: 'give `secret: {name, accessKey, secretKey}` in the provider or under `external`',
    });
  }
  const found = await find(api, namespace, name);
  const read = (key: string) => {
    const value = found.data?.[key];
    if (typeof value === 'string' && value !== '') return Buffer.from(value, 'base64').toString();
    throw new DatamillError('STORE_SECRET', `the Secret ${namespace}/${name} has no key "${key}"`, {
      hint: 'it must hold the keys that `secret: {accessKey, secretKey}` of the object store names',
    });
  };
  const keys = { accessKeyId: read(accessKey), secretAccessKey: read(secretKey) };
  registerSecrets(keys.secretAccessKey);
  return { ...keys, ca: ca === undefined ? undefined : read(ca) };
}

async function find(api: Api, namespace: string, name: string): Promise<KubeObject> {
  try {
    return await api.get<KubeObject>(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    throw new DatamillError(
      'STORE_SECRET',
      `the Secret ${namespace}/${name} with the keys of the object store is not there`,
      {
        cause: error,
        hint: 'a store of the flavour gets it from `datamill up`; for one outside the cluster make it yourself',
      },
    );
  }
}
