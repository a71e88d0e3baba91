export { type Incoming, openSsh, type SshLink } from './client.ts';
export { fingerprint, keyBytes, makeKey, type SshKey } from './keys.ts';
export { relay } from './relay.ts';
export { createSshServer } from './server.ts';
export type { Hop } from './machine.ts';
export { SshWay } from './way.ts';
