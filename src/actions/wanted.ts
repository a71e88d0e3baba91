import type { PreparedChart } from '../helm/charts.ts';
import { type Assessment, assess } from '../plan/assess.ts';
import { digestOf } from '../plan/digest.ts';
import { type Live, readLive } from '../plan/live.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import type { Session } from './session.ts';

/** A component of the flavour beside what the cluster has of it. */
export interface Wanted {
  component: ResolvedComponent;
  chart?: PreparedChart;
  digest: string;
  assessment: Assessment;
}

/** Prepares every chart (each once) and compares the flavour with the cluster. */
export async function compareWithCluster(
  session: Session,
  signal?: AbortSignal,
): Promise<{ wanted: Wanted[]; live: Live }> {
  const { resolved, charts, api, identity } = session;
  const { components } = resolved;
  const [prepared, live] = await Promise.all([
    Promise.all(components.map(({ chart }) => (chart === undefined ? undefined : charts.prepare(chart)))),
    readLive(
      api,
      identity,
      components.map(({ namespace }) => namespace),
      signal,
    ),
  ]);
  const wanted = components.map((component, index) => {
    const chart = prepared[index];
    const digest = digestOf(component, chart);
    return { component, chart, digest, assessment: assess(component, digest, live, identity) };
  });
  return { wanted, live };
}
