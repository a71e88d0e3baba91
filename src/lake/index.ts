import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DatamillError, errorMessage } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { forwardService } from '../kube/forward.ts';
import type { KubeObject } from '../kube/types.ts';

/** An object store as the capability `s3` describes it. */
export interface ObjectStore {
  /** Namespace of its Secret. */
  namespace: string;
  fields: Record<string, unknown>;
}

/** How long a store that has just been installed may take until it answers. */
const ATTEMPTS = 6;

/**
 * Makes buckets that are not there. A store inside the cluster is reached through a port-forward.
 *
 * @throws {DatamillError} BUCKET (exit 1) with the store's reason.
 */
export async function ensureBuckets(
  api: Api,
  store: ObjectStore,
  buckets: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { client, close } = await openStore(api, store);
  try {
    for (const bucket of buckets) await ensureBucket(client, bucket, signal);
  } finally {
    close();
  }
}

async function ensureBucket(client: S3Client, bucket: string, signal: AbortSignal): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
    return;
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 404)
      throw bucketError(bucket, error);
  }
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal: signal });
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw bucketError(bucket, error);
  }
}

function bucketError(bucket: string, cause: unknown): DatamillError {
  return new DatamillError('BUCKET', `the bucket "${bucket}" cannot be made: ${errorMessage(cause)}`, {
    cause,
    hint: 'check the name, and the rights of the keys in the Secret of the object store',
  });
}

async function openStore(
  api: Api,
  { namespace, fields }: ObjectStore,
): Promise<{ client: S3Client; close(): void }> {
  const { endpoint, host, port, region } = fields as {
    endpoint: string;
    host: string;
    port: number;
    region?: string;
  };
  const inCluster = /^([^.]+)\.([^.]+)\.svc(\..*)?$/.exec(host);
  const forwarded =
    inCluster === null
      ? undefined
      : await forwardService(api, inCluster[2]!, inCluster[1]!, port, () => undefined);
  const client = new S3Client({
    endpoint: forwarded === undefined ? endpoint : `http://127.0.0.1:${forwarded.port}`,
    region: region ?? 'us-east-1',
    forcePathStyle: true,
    maxAttempts: ATTEMPTS,
    credentials: await credentialsOf(api, namespace, fields.secret),
  });
  return {
    client,
    close: () => {
      client.destroy();
      forwarded?.close();
    },
  };
}

async function credentialsOf(api: Api, namespace: string, secret: unknown) {
  const { name, accessKey, secretKey } = (secret ?? {}) as {
    name?: string;
    accessKey?: string;
    secretKey?: string;
  };
  if (name === undefined || accessKey === undefined || secretKey === undefined) {
    throw new DatamillError('STORE_SECRET', 'the object store says no Secret with its keys', {
      hint: 'give `secret: {name, accessKey, secretKey}` in the provider or under `external`',
    });
  }
  const found = await api.get<KubeObject>(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  const read = (key: string) => Buffer.from(String(found.data?.[key] ?? ''), 'base64').toString();
  return { accessKeyId: read(accessKey), secretAccessKey: read(secretKey) };
}
