import { refusedError } from '../../errors.ts';
import { JOIN_TEMPLATE, shareDependencies } from './joins.ts';
import type { ExportSettings } from './settings.ts';
import { splitTasks } from './split.ts';
import { type Built, type DagTask, type Template, withoutEmpty } from './workflow.ts';

export type Kind = 'Workflow' | 'WorkflowTemplate' | 'CronWorkflow';

export interface DocumentOptions {
  kind: Kind;
  /** The name of the project, for labels and names. */
  slug: string;
  settings: ExportSettings;
  /** Version of the code that runs, where it is known. */
  version?: string;
  /** The most bytes that one object may have as JSON. */
  maxBytes: number;
}

/** Argo and etcd take no larger objects; some room is left for what Argo writes into them. */
export const MAX_BYTES = 900_000;

const API = 'argoproj.io/v1alpha1';
/** Label with the project's name. */
export const PIPELINE = 'datamill.io/pipeline';

/**
 * Makes the objects for Argo: one, or a small workflow that starts one workflow per part.
 *
 * @throws {DatamillError} WORKFLOW_TOO_LARGE (exit 3) with the numbers.
 */
export function buildDocuments(built: Built, options: DocumentOptions): Template[] {
  const { maxBytes } = options;
  const whole = [makeObject(options, spec(built, options.settings))];
  if (bytesOf(whole[0]!) <= maxBytes) return whole;
  const { tasks, joined } = shareDependencies(built.tasks);
  const templates = joined ? [...built.templates, JOIN_TEMPLATE] : built.templates;
  const shared = [makeObject(options, spec({ tasks, templates }, options.settings))];
  if (bytesOf(shared[0]!) <= maxBytes) return shared;
  const room = maxBytes - bytesOf(makePart(options, 0, { tasks: [], templates }));
  const parts = room > 0 ? splitTasks(tasks, room) : undefined;
  if (parts === undefined) throw tooLarge(bytesOf(shared[0]!), tasks, options);
  const objects = parts.map((part, index) => makePart(options, index, { tasks: part.tasks, templates }));
  const runs = parts.map(({ needs }, index) => partTask(options, index, needs));
  const main = makeObject(
    options,
    spec({ tasks: runs, templates: [partTemplate(options)] }, options.settings),
  );
  if (bytesOf(main) > maxBytes) throw tooLarge(bytesOf(shared[0]!), tasks, options);
  return [...objects, main];
}

export function bytesOf(object: Template): number {
  return Buffer.byteLength(JSON.stringify(object));
}

function tooLarge(bytes: number, tasks: readonly DagTask[], { maxBytes }: DocumentOptions) {
  const most = tasks.reduce((max, { dependencies = [] }) => Math.max(max, dependencies.length), 0);
  return refusedError(
    'WORKFLOW_TOO_LARGE',
    `the workflow has ${bytes} bytes, and no part of it can be made smaller than the ${maxBytes} that an object may have`,
    {
      hint: `it has ${tasks.length} tasks, one of which needs ${most} others: let fewer tasks do more, or raise --max-bytes`,
    },
  );
}

function spec({ tasks, templates }: Built, settings: ExportSettings): Template {
  return withoutEmpty({
    entrypoint: 'dag',
    serviceAccountName: settings.serviceAccount,
    parallelism: settings.parallelism,
    podGC: settings.podGC === undefined ? undefined : { strategy: settings.podGC },
    ttlStrategy: settings.ttl === undefined ? undefined : { secondsAfterCompletion: settings.ttl },
    volumes: settings.volumes.map(({ name, source }) => ({ name, ...source })),
    templates: [
      ...templates,
      { name: 'dag', dag: withoutEmpty({ failFast: settings.failFast, tasks: tasks.map(withoutArguments) }) },
    ],
  });
}

function withoutArguments(task: DagTask): Template {
  const { arguments: given, ...rest } = task;
  return given.parameters.length === 0 ? rest : { ...rest, arguments: given };
}

function makeObject({ kind, slug, settings, version }: DocumentOptions, workflow: Template): Template {
  const metadata = withoutEmpty({
    ...(kind === 'Workflow' ? { generateName: `${slug}-` } : { name: slug }),
    namespace: settings.namespace,
    labels: labels(slug),
    annotations: version === undefined ? undefined : { 'datamill.io/version': version },
  });
  if (kind !== 'CronWorkflow') return { apiVersion: API, kind, metadata, spec: workflow };
  return {
    apiVersion: API,
    kind,
    metadata,
    spec: withoutEmpty({
      schedules: settings.schedule,
      timezone: settings.timezone,
      concurrencyPolicy: 'Forbid',
      workflowSpec: workflow,
    }),
  };
}

function labels(slug: string): Record<string, string> {
  return { 'app.kubernetes.io/managed-by': 'data-mill', [PIPELINE]: slug };
}

const partName = ({ slug }: DocumentOptions, index: number) => `${slug}-part-${index + 1}`;

function makePart(options: DocumentOptions, index: number, built: Built): Template {
  const { slug, settings } = options;
  const metadata = { name: partName(options, index), namespace: settings.namespace, labels: labels(slug) };
  return { apiVersion: API, kind: 'WorkflowTemplate', metadata, spec: spec(built, settings) };
}

function partTask(options: DocumentOptions, index: number, needs: readonly number[]): DagTask {
  return {
    name: `part-${index + 1}`,
    template: 'run-part',
    ...(needs.length === 0 ? {} : { dependencies: needs.map((one) => `part-${one + 1}`) }),
    arguments: { parameters: [{ name: 'part', value: partName(options, index) }] },
  };
}

/** A workflow per part: what is nested in one workflow would count for its size again. */
function partTemplate({ slug, settings }: DocumentOptions): Template {
  const child = {
    apiVersion: API,
    kind: 'Workflow',
    metadata: {
      generateName: '{{inputs.parameters.part}}-',
      namespace: settings.namespace,
      labels: labels(slug),
    },
    spec: { workflowTemplateRef: { name: '{{inputs.parameters.part}}' } },
  };
  return {
    name: 'run-part',
    inputs: { parameters: [{ name: 'part' }] },
    resource: {
      action: 'create',
      setOwnerReference: true,
      manifest: `${JSON.stringify(child, null, 2)}\n`,
      successCondition: 'status.phase == Succeeded',
      failureCondition: 'status.phase in (Failed, Error)',
    },
  };
}
