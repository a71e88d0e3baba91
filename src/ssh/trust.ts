import { type DatamillError, unreachableError } from '../errors.ts';
import { fingerprint } from './keys.ts';
import { type KnownKey, keyType, knownKeys, remember } from './known-hosts.ts';

/** How it is decided whether a machine is the one that is meant. */
export interface Trust {
  host: string;
  port: number;
  /** Files of known hosts; the last one is ours, and the only one that is written. */
  files: readonly string[];
  /** The fingerprint that it must have, whatever the files say. */
  pinned?: string;
  /** Believe it at first contact. */
  accept: boolean;
  ask?(question: string): Promise<string | undefined>;
}

/** Our order; SHA-1 is not among them. */
const TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Keys of the kind that is known come first, as a machine has one of each. */
export function wantedTypes({ files, host, port }: Trust): string[] {
  const known = knownKeys(files, host, port).map(({ type }) => type);
  const isKnown = (type: string) => known.includes(type.startsWith('rsa-') ? 'ssh-rsa' : type);
  return [...TYPES.filter(isKnown), ...TYPES.filter((type) => !isKnown(type))];
}

/** @returns why the key is not believed; undefined when it is. */
export async function distrust(key: Buffer, trust: Trust): Promise<DatamillError | undefined> {
  const { host, port, files, pinned } = trust;
  const seen = fingerprint(key);
  if (pinned !== undefined)
    return seen === pinned ? undefined : changed(trust, seen, `host_key says ${pinned}`);
  const known = knownKeys(files, host, port);
  const same = known.filter((one) => one.key.equals(key));
  if (same.some(({ revoked }) => revoked)) return changed(trust, seen, `${placeOf(same[0]!)} revokes it`);
  if (same.length > 0) return undefined;
  const other = known.find(({ revoked }) => !revoked);
  if (other !== undefined)
    return changed(trust, seen, `${placeOf(other)} says ${fingerprint(other.key)} (${other.type})`);
  return await firstContact(key, trust, seen);
}

async function firstContact(key: Buffer, trust: Trust, seen: string): Promise<DatamillError | undefined> {
  const { host, port, files, accept, ask } = trust;
  const what = `${host}:${port} was never seen before; its ${keyType(key)} key is ${seen}`;
  const answer = accept ? 'yes' : ((await ask?.(`${what}\nIs that the machine? [y/N] `)) ?? '');
  if (!/^y(es)?$/i.test(answer.trim())) {
    return unreachableError('HOST_KEY_UNKNOWN', what, {
      hint: `compare it with \`ssh-keygen -lf /etc/ssh/ssh_host_*.pub\` there; then say \`host_key: ${seen}\` in the target, or --accept-host-key`,
    });
  }
  await remember(files.at(-1)!, host, port, key);
  return undefined;
}

function placeOf({ file, line }: KnownKey): string {
  return `${file}:${line}`;
}

function changed({ host, port }: Trust, seen: string, says: string): DatamillError {
  return unreachableError(
    'HOST_KEY',
    `${host}:${port} is not the machine that it was: its key is ${seen}, and ${says}`,
    {
      hint: 'nothing was sent to it. Somebody may be in between, or it was set up anew: ask who runs it before you remove the line',
    },
  );
}
