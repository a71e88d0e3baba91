import { randomBytes } from 'node:crypto';
import { creationError } from '../../debug/index.ts';
import { configError } from '../../errors.ts';
import { apply, create } from '../../kube/objects.ts';
import type { KubeObject } from '../../kube/types.ts';
import { type Code, currentCommit, type ExportOptions, exportProject } from '../../pipeline/index.ts';
import type { PipelineSummaryEvent } from '../events.ts';
import { requireRealPods } from '../pods.ts';
import type { Session } from '../session.ts';
import { imageReference } from './image.ts';
import { outdatedTasks } from './outdated.ts';
import { isUploaded } from './record.ts';
import { openPipelineSession, pipelineOptions } from './session.ts';
import { readUpload, type Upload, type UploadOptions, uploadIn } from './upload.ts';
import { follow } from './watch.ts';
import { withoutArgo } from './workflows.ts';

export type Destination = 'shared-disk' | 'git' | 'image';

export interface SubmitOptions extends UploadOptions {
  /** Where pods get the code from. */
  dest?: Destination;
  /** Images are `REPOSITORY:VERSION`, with `dest: image`. */
  repository?: string;
  /** Follows the workflow until it is over. */
  watch?: boolean;
}

export interface SubmitResult {
  project: string;
  namespace: string;
  version: string;
  kind: string;
  /** Absent when every task was up to date. */
  name?: string;
  /** Tasks that are to run. */
  tasks: number;
  summary?: PipelineSummaryEvent;
}

/**
 * Starts a project as a workflow: its code is uploaded when the disk does not have it, then the
 * objects are made through the API server.
 *
 * @throws {DatamillError} exit 2 for the project; NO_ARGO, CLAIM_MISSING, GIT_UNPUSHED, RIGHTS.
 */
export async function submitPipeline(options: SubmitOptions): Promise<SubmitResult> {
  const session = await openPipelineSession(options);
  try {
    const upload = await readUpload(session, options);
    const code = await codeOf(session, upload, options);
    const given: ExportOptions = { ...pipelineOptions(options, session), code };
    if (code.from === 'image') given.image = imageReference(upload, options);
    const tasks =
      options.mode === 'incremental' ? await outdated(session, upload, given, options) : undefined;
    const result = {
      project: upload.project.name,
      namespace: upload.checked.settings.namespace,
      version: code.version,
      kind: options.kind ?? 'Workflow',
      tasks: tasks?.size ?? upload.project.tasks.length,
    };
    if (tasks?.size === 0) return result;
    const { objects } = await exportProject(upload.project, { ...given, tasks });
    const workflow = await make(session, objects as unknown as KubeObject[]);
    const made = { ...result, name: workflow.metadata.name };
    if (!options.watch || workflow.kind !== 'Workflow') return made;
    return { ...made, summary: await follow(session.api, workflow, options) };
  } finally {
    session.close();
  }
}

async function outdated(session: Session, upload: Upload, given: ExportOptions, options: SubmitOptions) {
  requireRealPods(session, 'nothing can tell which tasks are outdated');
  const { report, signal } = options;
  return await outdatedTasks(session, upload, { ...given, report, signal });
}

/** The code that pods are to run; what must be done for it is done. */
async function codeOf(session: Session, upload: Upload, options: SubmitOptions): Promise<Code> {
  const { version } = upload.code;
  if (options.dest === 'git') return await gitCode(upload);
  if (options.dest === 'image') return { from: 'image', version };
  const { settings, slug } = upload.checked;
  if (!(await isUploaded(session.api, { settings, slug, version }))) {
    requireRealPods(session, 'code cannot be uploaded');
    await uploadIn(session, upload, options);
  }
  return { from: 'disk', version };
}

async function gitCode({ project }: Upload): Promise<Code> {
  const commit = await currentCommit(project.root);
  if (commit === undefined || commit.url === '')
    throw configError('GIT_MISSING', `${project.root} is in no git repository with a commit and a remote`, {
      hint: 'pods clone the remote: commit and push, or use --dest shared-disk',
    });
  const { revision, url, folder, changed, pushed } = commit;
  if (changed.length > 0)
    throw configError('GIT_CHANGED', `pods would not see the changes in ${changed.slice(0, 5).join(', ')}`, {
      hint: 'commit and push them, or use --dest shared-disk',
    });
  if (!pushed)
    throw configError(
      'GIT_UNPUSHED',
      `commit ${revision.slice(0, 12)} is not on ${url} as far as is known here`,
      {
        hint: 'git push',
      },
    );
  return { from: 'git', version: revision.slice(0, 12), url: withoutPassword(url), revision, folder };
}

/** A workflow is no place for a password. */
function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*:[^/@]*@/, '$1');
}

/** Makes all objects: those that go by name are applied, a workflow is new each time. */
async function make({ api }: Session, objects: readonly KubeObject[]): Promise<KubeObject> {
  for (const object of objects.slice(0, -1)) await apply(api, object).catch(refused(object));
  const last = objects.at(-1)!;
  if (last.kind !== 'Workflow') return await apply(api, last).catch(refused(last));
  const { generateName, ...metadata } = last.metadata as KubeObject['metadata'] & { generateName: string };
  const named = {
    ...last,
    metadata: { ...metadata, name: `${generateName}${randomBytes(3).toString('hex')}` },
  };
  return (await create(api, named).catch(refused(last))) ?? named;
}

function refused(object: KubeObject): (error: unknown) => never {
  return (error) => {
    throw creationError(withoutArgo(error), object.metadata.namespace!);
  };
}
