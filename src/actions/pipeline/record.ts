import type { Api } from '../../kube/client.ts';
import { fields, text } from '../../kube/fields.ts';
import { type Identity, ownLabels } from '../../kube/labels.ts';
import { apply } from '../../kube/objects.ts';
import { type ExportSettings, PIPELINE } from '../../pipeline/index.ts';

interface Note {
  settings: ExportSettings;
  slug: string;
  version: string;
}

/** Where it is written down which version lies on the disk, so that nobody has to look there. */
const recordName = (slug: string) => `datamill-pipeline-${slug}`;

function place({ volumes }: ExportSettings): string {
  const { claim, name, subPath } = volumes[0]!;
  return `${claim ?? name}/${subPath}`;
}

/** Notes in the cluster that a version of a project is on its disk. */
export async function noteUpload(
  api: Api,
  { settings, slug, version, identity }: Note & { identity: Identity },
): Promise<void> {
  await apply(api, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: recordName(slug),
      namespace: settings.namespace,
      labels: { ...ownLabels(identity), [PIPELINE]: slug },
    },
    data: { version, disk: place(settings) },
  });
}

/** Whether that version is the one that lies on the disk, as far as it was noted. */
export async function isUploaded(api: Api, { settings, slug, version }: Note): Promise<boolean> {
  const path = `/api/v1/namespaces/${settings.namespace}/configmaps/${recordName(slug)}`;
  const data = fields((await api.find<{ data?: unknown }>(path))?.data);
  return text(data.version) === version && text(data.disk) === place(settings);
}
