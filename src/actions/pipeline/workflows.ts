import { configError, DatamillError } from '../../errors.ts';
import type { Api } from '../../kube/client.ts';
import { isStatus } from '../../kube/errors.ts';
import { text } from '../../kube/fields.ts';
import { list } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { isOver, PIPELINE } from '../../pipeline/index.ts';

export const ARGO = 'argoproj.io/v1alpha1';

/** Workflows of a project, the newest first; those that others have started are left out. */
async function workflowsOf(api: Api, namespace: string, slug: string): Promise<KubeObject[]> {
  const ref = { apiVersion: ARGO, kind: 'Workflow', namespace };
  const found = await list(api, ref, { labels: `${PIPELINE}=${slug}` }).catch((error) => {
    throw withoutArgo(error);
  });
  return found
    .filter(({ metadata }) => !(metadata.ownerReferences ?? []).some(({ kind }) => kind === 'Workflow'))
    .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''));
}

/** The versions of the code that workflows are at work on. */
export async function unfinishedVersions(api: Api, namespace: string, slug: string): Promise<string[]> {
  const workflows = await workflowsOf(api, namespace, slug);
  return workflows.flatMap((one) =>
    isOver(text(one.status?.phase)) ? [] : (one.metadata.annotations?.['datamill.io/version'] ?? []),
  );
}

/**
 * The workflow of that name, or the newest of the project.
 *
 * @throws {DatamillError} NO_WORKFLOW.
 */
export async function findWorkflow(
  api: Api,
  namespace: string,
  { name, slug }: { name?: string; slug?: string },
): Promise<KubeObject> {
  if (name === undefined) {
    const [newest] = await workflowsOf(api, namespace, slug!);
    if (newest !== undefined) return newest;
    throw new DatamillError('NO_WORKFLOW', `namespace ${namespace} has no workflow of ${slug}`, {
      hint: '`datamill pipeline submit` starts one',
    });
  }
  const path = `/apis/${ARGO}/namespaces/${namespace}/workflows/${encodeURIComponent(name)}`;
  const found = await api.find<KubeObject>(path);
  if (found !== undefined) return { ...found, apiVersion: ARGO, kind: 'Workflow' };
  throw configError('NO_WORKFLOW', `namespace ${namespace} has no workflow "${name}"`, {
    hint: 'name another namespace with -n; without a name the newest of the project is taken',
  });
}

/** An API server that does not know workflows, in words that say what to do. */
export function withoutArgo(error: unknown): unknown {
  if ((error as DatamillError).code !== 'UNKNOWN_KIND' && !isStatus(error, 404)) return error;
  return new DatamillError('NO_ARGO', 'this cluster knows no workflows: Argo is not installed in it', {
    cause: error,
    hint: '`datamill up -f pipelines.yaml` installs Argo and a shared disk',
  });
}
