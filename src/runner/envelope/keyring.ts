import { type KeyObject, verify } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { configError } from '../../errors.ts';
import { base64, type Envelope, privateKey } from './open.ts';
import { sealingKey } from './seal.ts';
import { parsePublicKey } from './ssh.ts';

export interface KeyringOptions {
  /** Folder with `ssh-privatekey` and `ssh-passphrase`, or the mounted Secrets below it. */
  encryptDir?: string;
  /** Folder whose files are named by prefixes of queues and hold public keys of OpenSSH. */
  requestSignaturesDir?: string;
  /** Folder whose files are named by prefixes of queues and hold public RSA keys for reports. */
  responseSignaturesDir?: string;
  /** Whether requests in clear are taken where envelopes could be opened. */
  clearText: boolean;
}

/** A prefix shorter than this would rule too much. */
const SHORTEST = 4;
/** Milliseconds for which a folder is not read again: Secrets change while a runner runs. */
const FRESH = 5_000;

/** The keys of a runner: files of mounted Secrets, read again when they change. */
export class Keyring {
  readonly #options: KeyringOptions;
  readonly #read = new Map<string, { at: number; files: Map<string, string> }>();

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  /** Keys that open envelopes. */
  opening(): KeyObject[] {
    const files = this.#files(this.#options.encryptDir);
    const passphrases = [...files]
      .filter(([name]) => name.includes('passphrase'))
      .map(([, text]) => text.trim());
    const pems = [...files].filter(([, text]) => text.includes('PRIVATE KEY-----')).map(([, text]) => text);
    return pems.flatMap((pem) => {
      for (const passphrase of [...passphrases, undefined]) {
        try {
          return [privateKey(pem, passphrase)];
        } catch {
          // The next passphrase, or none.
        }
      }
      return [];
    });
  }

  /** Whether requests in clear are refused. */
  get encryptedOnly(): boolean {
    return this.#options.encryptDir !== undefined && !this.#options.clearText;
  }

  /**
   * Checks a signature: once the longest prefix of the queue's name that has a key is found, that
   * key has to have signed.
   *
   * @throws {DatamillError} BAD_SIGNATURE.
   */
  checkSignature(queue: string, envelope: Envelope | undefined): void {
    const text = this.#byPrefix(this.#options.requestSignaturesDir, queue);
    if (text === undefined) return;
    const bad = (why: string) => configError('BAD_SIGNATURE', `the message of ${queue} is not taken: ${why}`);
    if (envelope?.signature === undefined) throw bad('it is not signed');
    const signature = base64(envelope.signature);
    const keys = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    const signed = keys.some((line) => {
      try {
        return (
          signature?.length === 64 &&
          verify(null, Buffer.from(envelope.payload), parsePublicKey(line), signature)
        );
      } catch {
        return false;
      }
    });
    if (!signed) throw bad('its signature is of another key');
  }

  /** The key with which reports for a queue are sealed. */
  reportKey(queue: string): KeyObject | undefined {
    const text = this.#byPrefix(this.#options.responseSignaturesDir, queue);
    return text === undefined ? undefined : sealingKey(text);
  }

  #byPrefix(folder: string | undefined, queue: string): string | undefined {
    const prefixes = [...this.#files(folder).keys()]
      .filter((name) => name.length >= SHORTEST && queue.startsWith(name))
      .sort((a, b) => b.length - a.length);
    return prefixes[0] === undefined ? undefined : this.#files(folder).get(prefixes[0]);
  }

  #files(folder: string | undefined): Map<string, string> {
    if (folder === undefined) return new Map();
    const kept = this.#read.get(folder);
    if (kept !== undefined && performance.now() - kept.at < FRESH) return kept.files;
    const files = readTree(folder);
    this.#read.set(folder, { at: performance.now(), files });
    return files;
  }
}

/** The files of a folder and of those in it, by base name; a mounted Secret has links that begin with `..`. */
function readTree(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder)) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (info?.isFile()) files.set(name, readFileSync(path, 'utf8'));
    else if (info?.isDirectory()) for (const [inner, text] of readTree(path)) files.set(inner, text);
  }
  return files;
}
