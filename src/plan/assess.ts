import { isPending, type Revision } from '../helm/releases.ts';
import { type Identity, isOurs } from '../kube/labels.ts';
import { readiness } from '../kube/ready.ts';
import { refKey } from '../kube/resources.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { groupKey, type Live, markOf, releaseKey } from './live.ts';
import type { InstallRecord, RecordedObject } from './record.ts';

export type ComponentState =
  | 'absent'
  | 'deployed'
  | 'outdated'
  | 'drifted'
  | 'pending'
  | 'failed'
  | 'foreign';

/** What the cluster has of one component, compared with what the flavour wants. */
export interface Assessment {
  state: ComponentState;
  /** One sentence: why it is in that state, or what is not ready. */
  message: string;
  ready: boolean;
  revision?: Revision;
  record?: InstallRecord;
  /** Objects that somebody has written to since the record was made: worth a close look. */
  suspects: RecordedObject[];
}

/** @param digest what the record must say for the component to be unchanged; undefined: not compared. */
export function assess(
  component: Pick<ResolvedComponent, 'name' | 'release' | 'namespace' | 'chart'>,
  digest: string | undefined,
  live: Live,
  identity: Identity,
): Assessment {
  const record = live.records.get(component.name);
  const revision =
    component.chart === undefined
      ? undefined
      : live.releases.get(releaseKey(component.namespace, component.release));
  const base = { revision, record, ready: false, suspects: [] };
  const moved =
    record !== undefined &&
    (record.release !== component.release || record.namespace !== component.namespace);
  if (component.chart !== undefined) {
    if (revision === undefined || revision.status === 'uninstalled') {
      return { ...base, state: 'absent', message: record === undefined ? 'absent' : 'the release is gone' };
    }
    if (!isOurs(revision.labels, identity) && (record === undefined || moved)) {
      const owner = revision.labels['datamill.io/project'];
      return {
        ...base,
        state: 'foreign',
        message:
          owner === undefined
            ? `release ${component.release} was not made by data-mill`
            : `release ${component.release} belongs to project ${owner}`,
      };
    }
    if (isPending(revision.status))
      return {
        ...base,
        state: 'pending',
        message: `revision ${revision.revision} is ${revision.status}: a run was cut short`,
      };
    if (revision.status !== 'deployed')
      return { ...base, state: 'failed', message: `revision ${revision.revision} is ${revision.status}` };
  }
  if (record === undefined)
    return {
      ...base,
      state: component.chart === undefined ? 'absent' : 'outdated',
      message: component.chart === undefined ? 'absent' : 'the last run did not finish it',
    };
  if (moved)
    return { ...base, state: 'outdated', message: `moves from ${record.namespace}/${record.release}` };
  const state = compare(record, revision, digest, live);
  return { ...base, ...state };
}

function compare(
  record: InstallRecord,
  revision: Revision | undefined,
  digest: string | undefined,
  live: Live,
): Pick<Assessment, 'state' | 'message' | 'ready' | 'suspects'> {
  const { missing, notReady, suspects } = inspect(record, live);
  const ready = missing.length === 0 && notReady.length === 0;
  const message = shorten([...missing.map((name) => `${name} is missing`), ...notReady]);
  if (digest !== undefined && digest !== record.digest)
    return { state: 'outdated', message: 'its inputs changed', ready, suspects };
  if (revision !== undefined && revision.revision !== record.revision) {
    return {
      state: 'drifted',
      message: `revision ${revision.revision} was made by somebody else`,
      ready,
      suspects,
    };
  }
  if (missing.length > 0) return { state: 'drifted', message, ready, suspects };
  return { state: 'deployed', message, ready, suspects };
}

/** Compares the recorded objects with those that are there. */
function inspect(
  record: InstallRecord,
  live: Live,
): { missing: string[]; notReady: string[]; suspects: RecordedObject[] } {
  const missing: string[] = [];
  const notReady: string[] = [];
  const suspects: RecordedObject[] = [];
  for (const ref of record.objects) {
    if (live.hidden.has(groupKey(ref))) continue;
    const object = live.objects.get(refKey(ref));
    const name = `${ref.kind}/${ref.name}`;
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
      missing.push(name);
      continue;
    }
    const { ready, message } = readiness(object);
    if (!ready) notReady.push(`${name}: ${message}`);
    if (ref.mark !== undefined && ref.mark !== markOf(object)) suspects.push(ref);
  }
  return { missing, notReady, suspects };
}

function shorten(parts: string[]): string {
  return parts.length <= 3
    ? parts.join('; ')
    : `${parts.slice(0, 3).join('; ')} and ${parts.length - 3} more`;
}
