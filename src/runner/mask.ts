import { createRedactor } from '../util/redact.ts';

/** `NAME=value` and `NAME: value` where the name says that the value is secret, and tokens in addresses of git. */
const ASSIGNED =
  /((?:[A-Za-z0-9_]*(?:CREDENTIAL|PASSWORD|PASSWD|TOKEN|SECRET|KEY)[A-Za-z0-9_]*)["']?\s*=\s*["']?)([^\s"']{4,})/g;
const USER_INFO = /(https?:\/\/)[^\s/@:]+(?::[^\s/@]*)?@/g;

/** Hides these secrets, and what looks like one, in texts that are stored. */
export function createMask(secrets: readonly string[]): (text: string) => string {
  const redactor = createRedactor();
  redactor.add(...secrets.filter((one) => one.length >= 6));
  return (text) => {
    const known = redactor.redact(text);
    // Most output has neither; two searches cost much less than two replacements.
    const assigned = known.includes('=') ? known.replace(ASSIGNED, '$1***') : known;
    return assigned.includes('@') ? assigned.replace(USER_INFO, '$1***@') : assigned;
  };
}
