import { DatamillError, errorMessage } from '../errors.ts';
import type { Finding } from '../kube/diagnose.ts';
import { findings, logTails, type Watched } from './monitor.ts';

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
  const logs = await logTails(watched.api, watched.namespace, found);
  const objects = [...new Set(found.map(({ object }) => object))].slice(0, 3);
  const commands =
    objects.length > 0
      ? objects.map((object) => `${kubectl} -n ${watched.namespace} describe ${object.toLowerCase()}`)
      : [`${kubectl} -n ${watched.namespace} get events --sort-by=.lastTimestamp`];
  return { component, message, findings: found, logs, hint, commands };
}
