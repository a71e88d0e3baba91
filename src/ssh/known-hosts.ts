import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A line of a file of known hosts. Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export interface KnownKey {
  type: string;
  key: Buffer;
  revoked: boolean;
  file: string;
  line: number;
}

/** What the files say about a host; certificate authorities are not understood, and trust nothing here. */
export function knownKeys(files: readonly string[], host: string, port: number): KnownKey[] {
  const name = nameOf(host, port);
  return files.flatMap((file) => {
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((text, index) => {
        const words = text.trim().split(/\s+/);
        const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
        const [names = '', type = '', key = ''] = words;
        if (key === '' || names.startsWith('#') || marker === '@cert-authority') return [];
        if (!matches(names, name)) return [];
        return [
          { type, key: Buffer.from(key, 'base64'), revoked: marker === '@revoked', file, line: index + 1 },
        ];
      });
  });
}

/** Adds a host to a file of ours, readable by its owner only. */
export async function remember(file: string, host: string, port: number, key: Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await appendFile(file, `${nameOf(host, port)} ${keyType(key)} ${key.toString('base64')}\n`, {
    mode: 0o600,
  });
}

/** The first string of a public key as it goes over the wire (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function nameOf(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function matches(names: string, name: string): boolean {
  if (names.startsWith('|1|')) {
    const [, , salt = '', hash] = names.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = names.toLowerCase().split(',');
  const fits = (pattern: string) => glob(pattern).test(name);
  return (
    patterns.some((one) => !one.startsWith('!') && fits(one)) &&
    !patterns.some((one) => one.startsWith('!') && fits(one.slice(1)))
  );
}

function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
