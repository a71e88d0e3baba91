import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configError, DatamillError } from '../../errors.ts';
import { directWay, Store } from '../../lake/index.ts';
import type { Artifact, Request } from '../request.ts';
import type { Place } from './contract.ts';
import { type Environment, keysFor, type StoreKeys } from './credentials.ts';
import { FilePlace } from './file-place.ts';
import { S3Place } from './s3-place.ts';

/** An address of an object: `s3://host[:port]/bucket/key`, `gs://bucket/key`, `file:///folder/key`. */
export interface Address {
  scheme: 's3' | 'gs' | 'file';
  /** Host and port; empty for files and for Google's own. */
  host: string;
  /** For files: the folder that stands for the bucket. */
  bucket: string;
  key: string;
}

/**
 * Where an artifact is. Slashes may come doubled, as in messages of the StudioML client.
 *
 * @throws {DatamillError} BAD_ARTIFACT.
 */
function addressOf(label: string, artifact: Artifact, { config }: Request): Address {
  const qualified = artifact.qualified ?? artifact.url ?? fromParts(artifact, config.storage);
  if (!qualified) throw badAddress(`the artifact "${label}"`, 'it has no `qualified` address');
  return parseAddress(qualified, { what: `the artifact "${label}"`, key: artifact.key });
}

function badAddress(what: string, why: string) {
  return configError('BAD_ARTIFACT', `${what} cannot be found: ${why}`, {
    hint: 'an address is like s3://host:9000/bucket/key.tar or file:///folder/key.tar',
  });
}

/**
 * Reads an address.
 *
 * @param key of a file: how much of its path is the key; the rest is what a bucket is elsewhere.
 * @throws {DatamillError} BAD_ARTIFACT.
 */
export function parseAddress(
  qualified: string,
  { what = qualified, key }: { what?: string; key?: string | null } = {},
): Address {
  const wrong = (why: string) => badAddress(what, why);
  const [, scheme = '', rest = ''] = /^([a-z0-9+]+):\/\/(.*)$/s.exec(qualified) ?? [];
  if (scheme === 'file') return fileAddress(qualified, key);
  if (scheme !== 's3' && scheme !== 'gs')
    throw wrong(`"${qualified.slice(0, 200)}" is of no kind that is known`);
  const parts = rest.split('/').filter((part) => part !== '');
  const host = scheme === 's3' ? (parts.shift() ?? '') : '';
  const [bucket = '', ...rests] = parts;
  if (bucket === '' || rests.length === 0) throw wrong(`"${qualified.slice(0, 200)}" names no object`);
  if (rests.some((part) => part === '.' || part === '..')) throw wrong('its key has a step upwards');
  return { scheme, host, bucket, key: rests.join('/') };
}

function fileAddress(qualified: string, key: string | null | undefined): Address {
  const path = fileURLToPath(qualified.replace(/^file:\/{2,}/, 'file:///'));
  // The key says how much of the path is the key; the rest is what a bucket is elsewhere.
  const bucket = key && path.endsWith(`/${key}`) ? path.slice(0, -key.length - 1) : dirname(path);
  return { scheme: 'file', host: '', bucket, key: path.slice(bucket.length + 1) };
}

function fromParts({ bucket, key }: Artifact, storage: Request['config']['storage']): string | undefined {
  const place = bucket ?? storage?.bucket;
  if (!key || !place || !storage?.endpoint) return undefined;
  const scheme = storage.type === 'gcloud' || storage.type === 'gs' ? 'gs' : 's3';
  return scheme === 'gs'
    ? `gs://${place}/${key}`
    : `s3://${storage.endpoint.replace(/^https?:\/\//, '')}/${place}/${key}`;
}

export interface StoresOptions {
  /** Environment whose keys may be used when a message brings none. */
  own?: Environment;
  /** Folders in which artifacts may be files; none means that no file may be used. */
  folders?: readonly string[];
  /** How objects of Google's storage are reached. */
  google?(address: Address, keys: StoreKeys | undefined): Place;
  onTrouble?(message: string): void;
}

/** Hands out places, with one client per store and keys. */
export class Stores {
  readonly #options: StoresOptions;
  readonly #stores = new Map<string, Store>();

  constructor(options: StoresOptions = {}) {
    this.#options = options;
  }

  /** @throws {DatamillError} BAD_ARTIFACT, NO_KEYS. */
  place(label: string, artifact: Artifact, request: Request): Place {
    const address = addressOf(label, artifact, request);
    const keys = keysFor(artifact, request, this.#options.own ?? {});
    return this.at(address, keys, secureFor(address.host, request));
  }

  at(address: Address, keys: StoreKeys | undefined, secure = secureHost(address.host)): Place {
    const { scheme, bucket, key } = address;
    if (scheme === 'file') {
      this.#checkFolder(bucket);
      return new FilePlace(bucket, key);
    }
    if (scheme === 'gs') {
      if (this.#options.google === undefined)
        throw new DatamillError('NO_GOOGLE', 'gs:// needs --google-certs');
      return this.#options.google(address, keys);
    }
    if (keys === undefined || keys.token !== undefined)
      throw configError('NO_KEYS', `there are no keys for s3://${address.host}/${bucket}`, {
        hint: 'give the artifact `credentials: { aws: { access_key, secret_access_key } }`',
      });
    return new S3Place(this.#store(address.host, keys, secure), bucket, key);
  }

  close(): void {
    for (const store of this.#stores.values()) store.close();
    this.#stores.clear();
  }

  #checkFolder(folder: string): void {
    const allowed = this.#options.folders ?? [];
    if (allowed.some((one) => folder === one || folder.startsWith(`${one.replace(/\/$/, '')}/`))) return;
    throw configError('FILE_ARTIFACT', `artifacts in the folder ${folder} are not allowed here`, {
      hint: 'start the runner with --file-root FOLDER to allow artifacts in a folder of its machine',
    });
  }

  #store(host: string, keys: StoreKeys, secure: boolean): Store {
    const region = keys.region ?? regionOf(host);
    const id = JSON.stringify([host, keys, secure]);
    let store = this.#stores.get(id);
    if (store === undefined) {
      const [, name = host, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
      const way = directWay({ secure, host: name, port: Number(port ?? (secure ? 443 : 80)) });
      const { onTrouble } = this.#options;
      store = new Store({ name: `s3://${host}`, way, credentials: keys, region, onTrouble });
      this.#stores.set(id, store);
    }
    return store;
  }
}

/** Messages say no scheme: the client's storage section may, and Amazon's hosts are known. */
function secureFor(host: string, { config }: Request): boolean {
  for (const storage of [config.storage, config.database]) {
    const [, scheme, named] = /^(https?):\/\/([^/]+)/.exec(storage?.endpoint ?? '') ?? [];
    if (named === host) return scheme === 'https';
  }
  return secureHost(host);
}

function secureHost(host: string): boolean {
  return /\.amazonaws\.com(:443)?$/.test(host) || host.endsWith(':443');
}

function regionOf(host: string): string {
  return /s3[.-]([a-z]{2}-[a-z]+-\d)\.amazonaws/.exec(host)?.[1] ?? 'us-east-1';
}
