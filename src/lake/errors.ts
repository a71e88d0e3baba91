import { DatamillError, unreachableError } from '../errors.ts';
import type { Answer } from './exchange.ts';
import { text } from './xml.ts';

/** What a store answered when it refused. */
export class StoreError extends DatamillError {
  readonly status: number;
  /** The store's own code, such as NoSuchBucket. */
  readonly reason: string;

  constructor(code: string, message: string, status: number, reason: string, hint?: string) {
    super(code, message, { hint });
    this.status = status;
    this.reason = reason;
  }
}

const FULL = /^XMinioStorageFull$|QuotaExceeded$|^InsufficientStorage$|^EntityTooLargeForDisk$/;
const KEYS = /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSecurity|InvalidToken)$/;

/** The error that an answer of a store stands for. */
export function storeError(what: string, { status, body }: Pick<Answer, 'status' | 'body'>): StoreError {
  const xml = body.toString('utf8');
  const reason = text(xml, 'Code') || codeOf(status);
  const said = text(xml, 'Message');
  const words = said === '' ? `status ${status}` : said.replace(/\.$/, '');
  const make = (code: string, message: string, hint?: string) =>
    new StoreError(code, message, status, reason, hint);
  if (status === 507 || FULL.test(reason))
    return make(
      'STORE_FULL',
      `${what}: the store is full (${words})`,
      'give it a larger volume, or remove what is not needed with `datamill data rm`',
    );
  if (KEYS.test(reason))
    return make(
      'STORE_KEYS',
      `${what}: the store does not know the keys in its Secret (${words})`,
      'were they changed by hand? `datamill up` hands a component the keys that its Secret holds',
    );
  if (reason === 'RequestTimeTooSkewed')
    return make(
      'STORE_CLOCK',
      `${what}: the clocks of this machine and of the store differ too much`,
      'set the clock of this machine',
    );
  if (status === 403)
    return make(
      'STORE_RIGHTS',
      `${what}: the keys of the store's Secret may not do that (${words})`,
      'give the user of these keys the right in the store, or name others in the Secret',
    );
  if (reason === 'NoSuchBucket')
    return make('NO_SUCH_BUCKET', `${what}: there is no such bucket`, '`datamill data ls` lists the buckets');
  if (reason === 'NoSuchKey')
    return make(
      'NO_SUCH_OBJECT',
      `${what}: there is no such object`,
      '`datamill data ls BUCKET` lists what is in a bucket',
    );
  if (reason === 'XMinioParentIsObject' || reason === 'XMinioObjectExistsAsDirectory')
    return make(
      'STORE_REFUSED',
      `${what}: an object has the name of a folder in its path`,
      'remove the one that is in the way with `datamill data rm BUCKET/KEY`',
    );
  return make('STORE_REFUSED', `${what}: ${words}`);
}

/** HEAD has no body to say more. */
function codeOf(status: number): string {
  return { 404: 'NoSuchKey', 409: 'Conflict', 412: 'PreconditionFailed' }[status] ?? '';
}

/** A store that is told to end answers these to what it was just doing. */
const CUT_OFF = /^(RequestTimeout|IncompleteBody|ClientDisconnected)$/;

/** Answers that say "try again": overload, and faults of the store or of a proxy before it. */
export function isPassing(status: number, reason: string): boolean {
  if (FULL.test(reason)) return false;
  if ([408, 429, 499].includes(status) || CUT_OFF.test(reason)) return true;
  return status >= 500 && status !== 501 && status !== 507;
}

const BROKEN = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'HPE_INVALID_CONSTANT',
]);

/** Whether a request that failed so may do better later. */
export function isBroken(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return BROKEN.has(code ?? '') || message === 'socket hang up' || message === 'aborted';
}

/** A store that stayed away. */
export function awayError(name: string, seconds: number, why: string, cause: unknown): DatamillError {
  return unreachableError('STORE_UNREACHABLE', `${name} did not answer for ${seconds} s: ${why}`, {
    cause,
    hint: '`datamill status` says how its pods are; run the command again: what was sent is not sent twice',
  });
}

/** A connection that will not do better later. */
export function brokenError(name: string, cause: unknown): DatamillError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (/certificate|self.signed|altname|SSL|TLS/i.test(`${message} ${code}`))
    return unreachableError('STORE_UNTRUSTED', `the certificate of ${name} cannot be trusted: ${message}`, {
      cause,
      hint: 'name the key of its certificate authority: `secret: { ca: ca.crt }`, or set NODE_EXTRA_CA_CERTS',
    });
  return unreachableError('STORE_UNREACHABLE', `${name} cannot be reached: ${message}`, {
    cause,
    hint: 'is the endpoint right?',
  });
}
