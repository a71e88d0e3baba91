import type { Api } from '../kube/client.ts';
import { COMPONENT, type Identity, ownLabels, ownSelector } from '../kube/labels.ts';
import { apply, list, listIfAllowed, remove } from '../kube/objects.ts';
import type { ObjectRef } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';

/** An object of a component and a mark that changes when somebody changes the object. */
export interface RecordedObject extends ObjectRef {
  mark?: string;
}

/**
 * What was installed from which inputs: stands as the ConfigMap `datamill-<component>` beside
 * the release and is written after the component's last phase, so its absence says "unfinished".
 */
export interface InstallRecord {
  schema: 1;
  component: string;
  release: string;
  namespace: string;
  /** Digest of everything that went in; see digest.ts. */
  digest: string;
  /** Helm's revision; 0 for a component without a chart. */
  revision: number;
  chart: string;
  objects: RecordedObject[];
  /** Objects that were applied after the chart: they are ours to delete. */
  own: ObjectRef[];
  /** Secrets that were made for the component: they stay when it goes. */
  secrets: string[];
  dependsOn: string[];
  installedAt: string;
  /** Its checks have not passed yet since it was installed: the next run makes them. */
  unchecked?: boolean;
  version: string;
}

const KEY = 'record';

function recordName(component: string): string {
  return `datamill-${component}`;
}

export async function writeRecord(api: Api, identity: Identity, record: InstallRecord): Promise<void> {
  await apply(api, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: recordName(record.component),
      namespace: record.namespace,
      labels: ownLabels(identity, record.component),
    },
    data: { [KEY]: JSON.stringify(record) },
  });
}

export async function deleteRecord(api: Api, component: string, namespace: string): Promise<void> {
  await remove(api, { apiVersion: 'v1', kind: 'ConfigMap', name: recordName(component), namespace });
}

/** All records of a project: in every namespace if the user may look there, else in those that are named. */
export async function readRecords(
  api: Api,
  identity: Identity,
  namespaces: Iterable<string>,
  signal?: AbortSignal,
): Promise<Map<string, InstallRecord>> {
  const labels = ownSelector(identity);
  const everywhere = await listIfAllowed(api, { apiVersion: 'v1', kind: 'ConfigMap' }, { labels, signal });
  const maps =
    everywhere ??
    (
      await Promise.all(
        [...namespaces].map((namespace) =>
          list(api, { apiVersion: 'v1', kind: 'ConfigMap', namespace }, { labels, signal }),
        ),
      )
    ).flat();
  const records = maps.map(parseRecord).filter((record) => record !== undefined);
  return new Map(records.map((record) => [record.component, record]));
}

/** A record that cannot be read counts as none: the component is then installed again. */
function parseRecord(map: KubeObject): InstallRecord | undefined {
  const text = map.data?.[KEY];
  if (map.metadata.labels?.[COMPONENT] === undefined || typeof text !== 'string') return undefined;
  try {
    const record = JSON.parse(text) as InstallRecord;
    return record.schema === 1 && typeof record.component === 'string' && Array.isArray(record.objects)
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}
