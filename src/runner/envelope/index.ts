// Encrypted requests, their signatures, and sealed reports.
export { Keyring } from './keyring.ts';
export { envelopeOf, openPayload } from './open.ts';
export { progressReport, type State } from './report.ts';
export { sealingKey, sealPayload, sealRequest } from './seal.ts';
export { parsePrivateKey } from './ssh.ts';
