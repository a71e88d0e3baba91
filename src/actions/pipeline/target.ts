import { checkProject, readProject, slugOf } from '../../pipeline/index.ts';
import type { pipelineOptions } from './session.ts';

/**
 * Where the workflows of a project are. A project need not be there when workflow and namespace are
 * named.
 */
export async function workflowNamespace(
  options: ReturnType<typeof pipelineOptions>,
  workflow: string | undefined,
): Promise<{ namespace: string; slug?: string }> {
  if (workflow !== undefined && options.namespace !== undefined) return { namespace: options.namespace };
  try {
    const project = await readProject(options);
    const { settings } = await checkProject(project, options);
    return { namespace: settings.namespace, slug: slugOf(project) };
  } catch (error) {
    if (workflow === undefined) throw error;
    return { namespace: options.platform.namespace ?? 'argo' };
  }
}
