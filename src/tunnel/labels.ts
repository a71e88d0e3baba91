import { DATA_MILL, MANAGED_BY } from '../kube/labels.ts';

export const TUNNEL = 'datamill.io/tunnel';
/** Tells one run of the program from all others. */
export const SESSION = 'datamill.io/session';
/** The user, made a label; the annotation HOLDER says it in full. */
export const USER = 'datamill.io/user';

/** Who holds the tunnel, as `user@host/pid`. */
export const HOLDER = 'datamill.io/holder';
/** When the holder last said that it lives, RFC 3339. */
export const RENEWED = 'datamill.io/renewed';
/** Seconds after that until the cluster removes the tunnel. */
export const TTL = 'datamill.io/ttl';
/** What leads where, for people: `8000:localhost:3000`. */
export const PORTS = 'datamill.io/ports';
export const TRANSPORT = 'datamill.io/transport';

export const ALL_TUNNELS = `${MANAGED_BY}=${DATA_MILL},${TUNNEL}`;

export function tunnelLabels(name: string, session: string, user: string): Record<string, string> {
  return { [MANAGED_BY]: DATA_MILL, [TUNNEL]: name, [SESSION]: session, [USER]: user };
}
