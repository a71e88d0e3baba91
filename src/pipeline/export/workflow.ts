import { createHash } from 'node:crypto';
import { fnmatch } from '../fnmatch.ts';
import type { Task } from '../types.ts';
import { isPlain } from './quote.ts';
import { type ScriptOptions, statusScript, taskScript } from './script.ts';
import type { ExportSettings, PodSettings } from './settings.ts';

/** A part of the graph as Argo runs it. */
export interface DagTask {
  name: string;
  template: string;
  dependencies?: string[];
  arguments: { parameters: Array<{ name: string; value: string }> };
}

export type Template = Record<string, unknown>;

/** The tasks for Argo's DAG, in an order in which each comes after what it needs, and their templates. */
export interface Built {
  tasks: DagTask[];
  templates: Template[];
}

/** Makes DAG tasks and the templates that they run. */
export function buildDag(
  ordered: readonly Task[],
  names: ReadonlyMap<string, string>,
  settings: ExportSettings,
  script: Omit<ScriptOptions, 'hidden'>,
): Built {
  const templates = new Map<string, { name: string; template: Template }>();
  const tasks = ordered.map((task) => {
    const pod = podSettings(task.name, settings);
    const key = JSON.stringify(pod);
    let known = templates.get(key);
    if (known === undefined) {
      const name = templates.size === 0 || isDefault(pod, settings) ? 'run-task' : `run-task-${digest(key)}`;
      known = { name: uniqueName(name, key, templates), template: {} };
      known.template = taskTemplate(known.name, pod, settings, script);
      templates.set(key, known);
    }
    return dagTask(task, names, known.name);
  });
  return { tasks, templates: [...templates.values()].map(({ template }) => template) };
}

function uniqueName(name: string, key: string, templates: ReadonlyMap<string, { name: string }>): string {
  return [...templates.values()].some((one) => one.name === name) ? `run-task-${digest(key)}` : name;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}

function isDefault(pod: PodSettings, settings: ExportSettings): boolean {
  return JSON.stringify(pod) === JSON.stringify(podSettings('', { ...settings, tasks: [] }));
}

/** Settings of a task: those of all, then those of each pattern that matches its name. */
function podSettings(name: string, settings: ExportSettings): PodSettings {
  const { image, resources, timeout, retry, env, secretEnv, nodeSelector, tolerations } = settings;
  let pod: PodSettings = { image, resources, timeout, retry, env, secretEnv, nodeSelector, tolerations };
  for (const { pattern, settings: own } of settings.tasks) {
    if (!fnmatch(name, pattern)) continue;
    const mixed = {
      requests: { ...pod.resources?.requests, ...own.resources?.requests },
      limits: { ...pod.resources?.limits, ...own.resources?.limits },
    };
    pod = {
      ...pod,
      ...own,
      resources: own.resources === undefined ? pod.resources : mixed,
      env: own.env === undefined ? pod.env : { ...pod.env, ...own.env },
    };
  }
  return pod;
}

function dagTask(task: Task, names: ReadonlyMap<string, string>, template: string): DagTask {
  const dependencies = task.upstream.map((edge) => names.get(edge.task)!).sort();
  return {
    name: names.get(task.name)!,
    template,
    ...(dependencies.length === 0 ? {} : { dependencies }),
    arguments: { parameters: [{ name: 'task_name', value: hideName(task.name) }] },
  };
}

/** A name that Argo would take for a tag goes in another form, which the script understands. */
function hideName(name: string): string {
  const plain = isPlain(name) && !name.startsWith('base64:');
  return plain ? name : `base64:${Buffer.from(name).toString('base64')}`;
}

function taskTemplate(
  name: string,
  pod: PodSettings,
  settings: ExportSettings,
  script: Omit<ScriptOptions, 'hidden'>,
): Template {
  const env = Object.entries(pod.env ?? {});
  const hidden = Object.fromEntries(env.filter(([, value]) => !isPlain(value)));
  const shown = env.filter(([, value]) => isPlain(value)).map(([key, value]) => ({ name: key, value }));
  return withoutEmpty({
    name,
    inputs: { parameters: [{ name: 'task_name' }] },
    metadata: { annotations: { 'datamill.io/task': '{{inputs.parameters.task_name}}' } },
    retryStrategy: pod.retry,
    activeDeadlineSeconds: pod.timeout,
    nodeSelector: pod.nodeSelector,
    tolerations: pod.tolerations,
    script: {
      ...container(pod, settings, [{ name: 'TASK', value: '{{inputs.parameters.task_name}}' }, ...shown]),
      command: ['bash'],
      source: taskScript({ ...script, hidden }),
    },
  });
}

/** What all containers have that work on the project. */
function container(pod: PodSettings, settings: ExportSettings, env: Template[]): Template {
  const secrets = (pod.secretEnv ?? []).map((secret) => ({ secretRef: { name: secret } }));
  return withoutEmpty({
    image: pod.image,
    workingDir: settings.volumes[0]?.mountPath,
    env,
    envFrom: secrets.length === 0 ? undefined : secrets,
    resources: resourcesOf(pod),
    volumeMounts: settings.volumes.map(({ name: volume, mountPath, subPath }) =>
      withoutEmpty({ name: volume, mountPath, subPath: subPath === '' ? undefined : subPath }),
    ),
  });
}

/** A pod beside those of tasks that sees the disk as they do, and runs a script. */
export function diskPodSpec(settings: ExportSettings, script: string[]): Template {
  const pod = podSettings('', { ...settings, tasks: [] });
  const env = Object.entries(pod.env ?? {}).map(([name, value]) => ({ name, value }));
  return withoutEmpty({
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    nodeSelector: pod.nodeSelector,
    tolerations: pod.tolerations,
    volumes: settings.volumes.map(({ name, source }) => ({ name, ...source })),
    containers: [{ name: 'main', ...container(pod, settings, env), command: script }],
  });
}

export function statusPodSpec(
  settings: ExportSettings,
  script: Omit<ScriptOptions, 'hidden'>,
  mark: string,
): Template {
  return diskPodSpec(settings, ['bash', '-c', statusScript({ ...script, hidden: {} }, mark)]);
}

function resourcesOf({ resources }: PodSettings): Template | undefined {
  if (resources === undefined) return undefined;
  const { requests, limits } = resources;
  return withoutEmpty({
    requests: Object.keys(requests).length === 0 ? undefined : requests,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
}

export function withoutEmpty(map: Template): Template {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined));
}
