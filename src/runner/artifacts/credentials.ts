import type { Artifact, Credentials, Request, StorageConfig } from '../request.ts';

/** Keys for a store, in the form that it takes. */
export interface StoreKeys {
  accessKeyId: string;
  secretAccessKey: string;
  region?: string;
  /** A bearer token, for stores that take one. */
  token?: string;
}

export type Environment = Record<string, string | undefined>;

/**
 * Keys of an artifact: its own, those of the client's storage, or those in the environment of the
 * experiment. Those in the runner's own environment count only where that is allowed.
 */
export function keysFor(artifact: Artifact, { config }: Request, own: Environment): StoreKeys | undefined {
  const found =
    fromCredentials(artifact.credentials) ??
    fromStorage(config.storage) ??
    fromStorage(config.database) ??
    fromEnvironment(config.env ?? {}) ??
    fromEnvironment(own);
  return found && artifact.region ? { ...found, region: artifact.region } : found;
}

function fromStorage(storage: StorageConfig | null | undefined): StoreKeys | undefined {
  return fromCredentials(storage?.credentials);
}

function fromCredentials(credentials: Credentials | null | undefined): StoreKeys | undefined {
  const { aws, plain, jwt } = credentials ?? {};
  const secret = aws?.secret_access_key ?? aws?.secret_key;
  if (aws?.access_key && secret)
    return { accessKeyId: aws.access_key, secretAccessKey: secret, region: aws.region ?? undefined };
  if (plain?.user && plain.password) return { accessKeyId: plain.user, secretAccessKey: plain.password };
  if (jwt?.token) return { accessKeyId: '', secretAccessKey: '', token: jwt.token };
  return undefined;
}

/** The variables that tools of AWS read. */
export function fromEnvironment(env: Environment): StoreKeys | undefined {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = env;
  if (!id || !secret) return undefined;
  return { accessKeyId: id, secretAccessKey: secret, region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION };
}
