import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

/** An ed25519 key in the forms that OpenSSH reads. */
export interface SshKey {
  /** `-----BEGIN OPENSSH PRIVATE KEY-----` … */
  privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  publicKey: string;
}

export function makeKey(): SshKey {
  const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
  return { privateKey, publicKey: publicKey.split(' ').slice(0, 2).join(' ') };
}

/** The bytes of a public key as they go over the wire (RFC 4253, 6.6). */
export function keyBytes(publicKey: string): Buffer {
  return Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
}

/** As `ssh-keygen -l` shows it: `SHA256:…` */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
