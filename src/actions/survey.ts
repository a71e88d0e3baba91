import { type Demand, demandsOf } from '../doctor/demand.ts';
import type { Kind } from '../doctor/kinds.ts';
import type { NamespaceState } from '../doctor/namespaces.ts';
import type { Undertaking } from '../doctor/rights.ts';
import type { PreparedChart } from '../helm/charts.ts';
import { manifestObjects } from '../helm/releases.ts';
import { DatamillError } from '../errors.ts';
import { KubeError } from '../kube/errors.ts';
import { listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { digestOf } from '../plan/digest.ts';
import { type InstallRecord, readRecords } from '../plan/record.ts';
import type { Resolved, ResolvedComponent } from '../resolve/types.ts';
import { limiter } from '../util/limit.ts';
import { renderChart } from './render.ts';
import { dataKinds, takesDataFolder } from './data-claim.ts';
import type { DataMount } from '../resolve/data-mount.ts';
import type { Session } from './session.ts';

/** A component beside its record, where there is one. */
export interface Recorded {
  component: ResolvedComponent;
  chart?: PreparedChart;
  record?: InstallRecord;
}

/** Renders at once: each is a helm process. */
const RENDERS = 4;

/** What the records do not say to be installed from these inputs; objects that went since are mended by `up`. */
export async function changedComponents(session: Session, signal?: AbortSignal): Promise<Recorded[]> {
  const all = await recordedComponents(session, signal);
  return all.filter(({ component, chart, record }) => record?.digest !== digestOf(component, chart));
}

/** All components of the flavour, their charts prepared. */
export async function recordedComponents(
  { resolved, charts, api, identity }: Session,
  signal?: AbortSignal,
): Promise<Recorded[]> {
  const { components } = resolved;
  const [prepared, records] = await Promise.all([
    Promise.all(components.map(({ chart }) => (chart === undefined ? undefined : charts.prepare(chart)))),
    // Without the right to look, everything counts as new, and that right is named below.
    readRecords(
      api,
      identity,
      components.map(({ namespace }) => namespace),
      signal,
    ).catch((error) => {
      if (error instanceof KubeError && error.status === 403) return new Map<string, InstallRecord>();
      throw error;
    }),
  ]);
  return components.map((component, index) => ({
    component,
    chart: prepared[index],
    record: records.get(component.name),
  }));
}

/** A kind, and the namespace in which an object of it is made when that is not the component's. */
export interface PlacedKind extends Kind {
  metadata?: { namespace?: string };
}

/**
 * What is made where. In a namespace that has to be made first, rights are not known yet: whoever
 * makes it may be given them with it.
 *
 * @param options.everywhere count such a namespace too
 */
export function undertaking(
  changed: readonly Recorded[],
  kindsOf: (one: Recorded) => readonly PlacedKind[],
  {
    home,
    spaces,
    simulated,
    dataMount,
    everywhere = false,
  }: {
    home: string;
    spaces: readonly NamespaceState[];
    simulated: boolean;
    dataMount: DataMount | undefined;
    everywhere?: boolean;
  },
): Undertaking {
  const absent = spaces.filter(({ state }) => state === 'absent').map(({ name }) => name);
  const there = spaces.filter(({ state }) => everywhere || state !== 'absent').map(({ name }) => name);
  return {
    home: there.includes(home) ? home : undefined,
    absent,
    places: there.map((namespace) => {
      const here = changed.filter(({ component }) => component.namespace === namespace);
      const checks = here.flatMap(({ component }) => component.checks);
      return {
        namespace,
        kinds: [
          ...changed.flatMap((one) =>
            kindsOf(one).filter(
              ({ metadata }) => (metadata?.namespace ?? one.component.namespace) === namespace,
            ),
          ),
          ...(here.some(({ component }) => takesDataFolder(component, dataMount)) ? dataKinds : []),
        ],
        jobs: here.some(({ component: { hooks } }) => hooks.before.length + hooks.after.length > 0),
        forwards: !simulated && changed.some(({ component }) => bucketsIn(component) === namespace),
        checks: {
          jobs: !simulated && checks.some(({ job }) => job !== undefined),
          // A condition is read off an object; the others talk to the service.
          forwards:
            !simulated && checks.some(({ job, condition }) => job === undefined && condition === undefined),
        },
      };
    }),
  };
}

/** The namespace of the store in which a component has buckets made. */
function bucketsIn({ buckets, needs }: ResolvedComponent): string | undefined {
  if (buckets.length === 0) return undefined;
  return Object.values(needs).find((need) => need?.capability === 's3')?.namespace;
}

/** Undefined where the user may not look at those of all namespaces. */
export function runningPods({ api }: Session, signal?: AbortSignal): Promise<KubeObject[] | undefined> {
  const fields = 'status.phase!=Succeeded,status.phase!=Failed';
  return listIfAllowed(api, { apiVersion: 'v1', kind: 'Pod' }, { fields, signal });
}

/** The objects of a component as they will be: its chart is rendered. */
export async function renderedObjects(
  session: Session,
  { component, chart, record }: Recorded,
  signal?: AbortSignal,
): Promise<KubeObject[]> {
  const own = component.objects as unknown as KubeObject[];
  if (chart === undefined) return own;
  const manifest = await renderChart(await session.helm(), session.helmTarget, component, chart, {
    upgrade: record !== undefined,
    signal,
  });
  return [...manifestObjects(manifest), ...own];
}

/** The pods of components as they will be. */
export async function demands(
  session: Session,
  changed: readonly Recorded[],
  signal?: AbortSignal,
): Promise<Demand[]> {
  const limit = limiter(RENDERS);
  const promised = promisedResources(session.resolved);
  const all = await Promise.all(
    changed.map((one) =>
      limit(async () => {
        try {
          return demandsOf(one.component.name, await renderedObjects(session, one, signal), promised);
        } catch (error) {
          // Values that the chart does not take fail its installation, with helm's reason, and no other.
          if (error instanceof DatamillError && error.code === 'RENDER') return [];
          throw error;
        }
      }),
    ),
  );
  return all.flat();
}

/** What components of the flavour bring to the nodes: it need not be there before them. */
export function promisedResources({ components }: Resolved): Set<string> {
  return new Set(
    components.flatMap(({ provides }) =>
      typeof provides.gpu?.resource === 'string' ? [provides.gpu.resource] : [],
    ),
  );
}
