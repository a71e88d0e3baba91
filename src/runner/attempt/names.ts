import { ConflictError, type Place } from '../artifacts/contract.ts';
import { fromBase62, toBase62 } from '../base62.ts';

/** `<host>-<seconds since 1970 in base 62>`: what the metadata files of one attempt have in common. */
function attemptName(host: string, seconds: number, turn = 0): string {
  const clean = host.replace(/[^A-Za-z0-9.]+/g, '-');
  return `${turn === 0 ? clean : `${clean}.${toBase62(turn)}`}-${toBase62(seconds)}`;
}

/** The host and the seconds of a metadata file, such as `scrape-host-fe5917a-1gKTNC.json`. */
export function parseAttemptFile(file: string): { kind: string; host: string; seconds: number } | undefined {
  const [, kind = '', host = '', time = ''] =
    /^([a-z]+)-host-(.+)-([0-9A-Za-z]+)\.(?:json|log)$/.exec(file) ?? [];
  const seconds = fromBase62(time);
  return kind === '' || Number.isNaN(seconds) ? undefined : { kind, host, seconds };
}

/** Of several attempts of one host in one second each gets a name of its own. */
const TURNS = 10_000;

/**
 * Claims a name for an attempt with its first scrape document.
 *
 * @param at gives the object of a name.
 * @returns the name and the version of the object.
 */
export async function claimName(
  host: string,
  first: Buffer,
  at: (name: string) => Place,
  signal: AbortSignal,
): Promise<{ name: string; version: string }> {
  const seconds = Math.floor(Date.now() / 1000);
  for (let turn = 0; ; turn++) {
    const name = attemptName(host, seconds, turn);
    try {
      return { name, version: await at(name).write(first, { condition: { was: null }, signal }) };
    } catch (error) {
      if (!(error instanceof ConflictError) || turn >= TURNS) throw error;
    }
  }
}
