import type { Algorithms } from 'ssh2';

/**
 * What both of our ends speak. AES-GCM comes first: it is the fastest where the work is done by
 * Node's OpenSSL, and needs no further code for its authentication.
 */
export const algorithms: Algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256'],
  compress: ['none'],
};
