import { X509Certificate } from 'node:crypto';
import { type Observation, warning, wrong } from './observation.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Milliseconds before its end from which on a certificate is worth a word. */
const SOON = 30 * DAY;
const VERY_SOON = 14 * DAY;

/** How long something is valid; milliseconds since the epoch. */
export interface Validity {
  from?: number;
  until: number;
}

/** The certificates in a PEM text; undefined when there is none that can be read. */
export function certificatesIn(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  try {
    return blocks?.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

export function validityOf(certificate: X509Certificate): Validity {
  return { from: Date.parse(certificate.validFrom), until: Date.parse(certificate.validTo) };
}

/**
 * What is wrong with a validity, if anything. What never lives long, as certificates of a day, is
 * only worth a word in the last third of its life.
 *
 * @param name with the article: `the client certificate`
 */
export function expiry(
  name: string,
  { from, until }: Validity,
  more: Pick<Observation, 'where' | 'remedy'>,
  now: number = Date.now(),
): Observation | undefined {
  const day = new Date(until).toISOString().slice(0, 10);
  if (until <= now) return wrong(`${name} expired on ${day}`, more);
  if (from !== undefined && from > now)
    return wrong(
      `${name} is not valid before ${new Date(from).toISOString()}: is the clock of this machine right?`,
      more,
    );
  const lifetime = from === undefined ? Number.POSITIVE_INFINITY : until - from;
  const left = until - now;
  if (left > Math.min(SOON, lifetime / 3)) return undefined;
  const days = Math.floor(left / DAY);
  const time = days > 0 ? `in ${days} ${days === 1 ? 'day' : 'days'}` : 'within a day';
  return warning(`${name} expires ${left < VERY_SOON ? 'soon: ' : ''}${time}, on ${day}`, more);
}

/** When a JSON Web Token ends (RFC 7519, exp); undefined for other tokens and those without an end. */
export function tokenValidity(token: string): Validity | undefined {
  const [, payload] = token.split('.');
  if (payload === undefined) return undefined;
  try {
    const { exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    if (typeof exp !== 'number') return undefined;
    return { from: typeof iat === 'number' ? iat * 1000 : undefined, until: exp * 1000 };
  } catch {
    return undefined;
  }
}
