import { DatamillError, errorMessage } from '../errors.ts';
import type { Finding } from '../kube/diagnose.ts';
import { listIfAllowed } from '../kube/objects.ts';
import { registerSecrets } from '../util/redact.ts';
import { findings, logTails, type Watched } from './monitor.ts';

const SHORTEST_SECRET = 8;

/** A failed installation, with what the cluster said while helm still waited. */
export class InstallError extends DatamillError {
  readonly findings: Finding[];

  constructor(message: string, findings: Finding[], hint?: string) {
    super('RELEASE_FAILED', message, { hint });
    this.findings = findings;
  }
}

/** Why a component failed, in the words of the cluster. */
export interface Failure {
  component: string;
  message: string;
  findings: Finding[];
  logs: Array<{ container: string; lines: string[] }>;
  hint?: string;
  /** Commands to look further. */
  commands: string[];
}

/** Looks at a failed release and collects what the cluster says about it. */
export async function explain(
  component: string,
  error: unknown,
  watched: Watched | undefined,
  kubectl: string,
  known: Finding[] = [],
): Promise<Failure> {
  const message = errorMessage(error);
  const hint = error instanceof DatamillError ? error.hint : undefined;
  if (watched === undefined) return { component, message, findings: [], logs: [], hint, commands: [] };
  const seen = await findings(watched).catch(() => [] as Finding[]);
  const fresh = seen.length > 0 ? seen : known;
  const found = [
    ...known.filter((old) => !fresh.some((now) => now.object === old.object && now.reason === old.reason)),
    ...fresh,
  ];
  await hideSecrets(watched);
  const logs = await logTails(watched.api, watched.namespace, found);
  const objects = [...new Set(found.map(({ object }) => object))].slice(0, 3);
  const commands =
    objects.length > 0
      ? objects.map((object) => `${kubectl} -n ${watched.namespace} describe ${object.toLowerCase()}`)
      : [`${kubectl} -n ${watched.namespace} get events --sort-by=.lastTimestamp`];
  return { component, message, findings: found, logs, hint, commands };
}

/** What containers print may hold a secret that they were given: none of them may reach the screen. */
async function hideSecrets({ api, namespace }: Watched): Promise<void> {
  const secrets = await listIfAllowed(
    api,
    { apiVersion: 'v1', kind: 'Secret', namespace },
    { fields: 'type=Opaque' },
  );
  const values = (secrets ?? []).flatMap(({ data }) => Object.values(data ?? {}));
  const texts = values.map((value) => Buffer.from(String(value), 'base64').toString('utf8'));
  // Shorter ones are user names and the like: hiding those would make the report unreadable.
  registerSecrets(...texts.filter((text) => text.length >= SHORTEST_SECRET));
}
