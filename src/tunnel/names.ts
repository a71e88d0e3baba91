import { userInfo } from 'node:os';
import { configError } from '../errors.ts';

/** Services are RFC 1035 labels; what is made beside one gets up to four characters more. */
const LONGEST = 59;
const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** The user of this machine, as `whoami` says it. */
export function userName(): string {
  const { USER, LOGNAME } = process.env;
  if (USER || LOGNAME) return USER || LOGNAME!;
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as in containers.
    return 'user';
  }
}

/** Any text as a DNS label: `J.Doe` becomes `j-doe`, `Zoë` becomes `zoe`. */
export function toLabel(text: string, longest: number = LONGEST): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '');
  const begun = /^[0-9]/.test(plain) ? `u${plain}` : plain;
  return begun.slice(0, longest).replace(/-+$/, '') || 'user';
}

/** `<user>-tunnel`, as in the original. */
export function defaultName(user: string = userName()): string {
  return `${toLabel(user, LONGEST - '-tunnel'.length)}-tunnel`;
}

/** @throws {DatamillError} TUNNEL_NAME (exit 2) with a name that would do. */
export function requireName(name: string): string {
  if (name.length <= LONGEST && LABEL.test(name)) return name;
  throw configError('TUNNEL_NAME', `"${name}" cannot be the name of a service`, {
    hint: `small letters, digits and dashes, at most ${LONGEST}, a letter first; "${toLabel(name)}" would do`,
  });
}
