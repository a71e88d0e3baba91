import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { run } from '../helpers/cli.ts';
import { api, applyObjects, clusterFlags } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { pipelineFolder } from '../helpers/pipelines.ts';
import { start } from '../helpers/process.ts';
import { it, type Project } from '../helpers/project.ts';

const GROUP = 'argoproj.io';

/** The kinds of Argo without its schemas, as its chart makes them with `crds.full: false`. */
function definition(kind: string, plural: string): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, plural },
      scope: 'Namespaced',
      versions: [{ name: 'v1alpha1', served: true, storage: true, schema }],
    },
  };
}

const path = (namespace: string, plural: string, name = '') =>
  `/apis/${GROUP}/v1alpha1/namespaces/${namespace}/${plural}/${name}`;

// biome-ignore lint/suspicious/noExplicitAny: workflows, of which tests look at a field or two
type Loose = any;

/** What Argo's controller writes: nodes by the names of tasks, `phase` for the whole. */
async function progress(namespace: string, name: string, nodes: Record<string, object>, phase: string) {
  const named = Object.entries(nodes).map(([task, node]) => {
    const own = { id: `${name}-${task}`, name: `${name}.${task}`, displayName: task, type: 'Pod' };
    return [`${name}-${task}`, { ...own, startedAt: '2026-01-01T10:00:00Z', ...node }];
  });
  await api().request('PATCH', path(namespace, 'workflows', name), {
    contentType: 'application/merge-patch+json',
    body: { status: { phase, nodes: Object.fromEntries(named) } },
  });
}

const finishedAt = '2026-01-01T10:00:12Z';

/** The fixture in a repository whose commit its remote has, a namespace and a claim. */
async function place(project: Project): Promise<string> {
  const folder = join(project.folder, 'ml-basic');
  cpSync(join(pipelineFolder, 'ml-basic'), folder, { recursive: true });
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  const remote = join(project.folder, 'remote.git');
  git('init', '--bare', remote);
  git('init');
  git('add', '.');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-m', 'first');
  git('remote', 'add', 'origin', remote);
  git('push', '-u', 'origin', 'HEAD');
  const { namespace } = project;
  await applyObjects(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'nfs', namespace },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
    },
  );
  return folder;
}

// Each runs the program several times.
describe('pipelines', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    await applyObjects(
      definition('Workflow', 'workflows'),
      definition('WorkflowTemplate', 'workflowtemplates'),
      definition('CronWorkflow', 'cronworkflows'),
    );
    await eventually(async () => {
      await api().get(path('default', 'cronworkflows'));
    }, 60);
  });

  const pipeline = (folder: string, namespace: string, ...args: string[]) =>
    run(['pipeline', ...args, '-n', namespace, ...clusterFlags()], { cwd: folder });

  it('become workflows, templates and schedules through the API server', async ({ project }) => {
    const folder = await place(project);
    const { namespace } = project;
    const submit = (...args: string[]) =>
      pipeline(folder, namespace, 'submit', '--dest', 'git', '--output', 'json', ...args);
    const first = await submit();

    expect(first.code, first.stderr).toBe(0);
    expect(first.json).toMatchObject({ schema: 1, project: 'ml-basic', kind: 'Workflow', tasks: 4 });
    const workflow: Loose = await api().get(path(namespace, 'workflows', first.json.name));
    expect(workflow.metadata).toMatchObject({
      labels: { 'datamill.io/pipeline': 'ml-basic' },
      annotations: { 'datamill.io/version': first.json.version },
    });
    expect(workflow.spec.templates[0].script.source).toContain('fetch --quiet --depth 1');

    for (const args of [
      ['--kind', 'WorkflowTemplate'],
      ['--kind', 'CronWorkflow', '--schedule', '0 4 * * *'],
    ]) {
      const result = await submit(...args);
      expect(result.json, result.stderr).toMatchObject({ kind: args[1], name: 'ml-basic' });
    }
    const cron: Loose = await api().get(path(namespace, 'cronworkflows', 'ml-basic'));
    expect(cron.spec.schedules).toEqual(['0 4 * * *']);
  });

  it('are watched: states and times of tasks, and the exit code of the whole', async ({ project }) => {
    const folder = await place(project);
    const { namespace } = project;
    const { name } = (await pipeline(folder, namespace, 'submit', '--dest', 'git', '--output', 'json')).json;
    const watching = start(['pipeline', 'watch', '-n', namespace, ...clusterFlags()], { cwd: folder });
    const told = (task: string, state: string) =>
      watching.until((events) => events.some((one) => one.component === task && one.state === state));
    await told('fit', 'waiting');
    expect(watching.events.find(({ component }) => component === 'join')?.message).toBe(
      'waiting for features, get',
    );
    await progress(namespace, name, { get: { phase: 'Running' } }, 'Running');
    await told('get', 'running');
    const done = { phase: 'Succeeded', finishedAt };
    const failed = { phase: 'Failed', message: 'Error (exit code 1)', finishedAt };
    const omitted = { phase: 'Omitted', type: 'Omitted' };
    await progress(namespace, name, { get: done, features: failed, join: omitted, fit: omitted }, 'Failed');

    expect(await watching.ended).toBe(1);
    const last = (task: string) => watching.events.filter(({ component }) => component === task).at(-1);
    expect(last('get')).toMatchObject({ phase: 'run', state: 'done', seconds: 12 });
    expect(last('features')).toMatchObject({ state: 'failed', message: 'Error (exit code 1)' });
    expect(last('fit')).toMatchObject({ state: 'skipped' });
    expect(watching.events.at(-1)).toMatchObject({
      type: 'summary',
      result: 'failed',
      workflow: name,
      phase: 'Failed',
      tasks: 4,
      succeeded: 1,
      failed: 1,
      omitted: 2,
    });
    await progress(namespace, name, { features: done, join: done, fit: done }, 'Succeeded');
    const again = await pipeline(folder, namespace, 'watch', name);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toMatch(/Succeeded, 4 of 4 tasks done/);
  });

  it('go on when nobody watches any more', async ({ project }) => {
    const folder = await place(project);
    const { namespace } = project;
    await pipeline(folder, namespace, 'submit', '--dest', 'git');
    const watching = start(['pipeline', 'watch', '-n', namespace, ...clusterFlags()], { cwd: folder });
    await watching.until((events) => events.length >= 4);
    watching.kill('SIGINT');

    expect(await watching.ended).toBe(130);
    expect(watching.stderr()).toContain('the workflow goes on');
    expect(watching.events.at(-1)).toMatchObject({ type: 'summary', result: 'interrupted' });
  });

  it('are refused with what is missing', async ({ project }) => {
    const folder = await place(project);
    const { namespace } = project;
    const code = async (...args: string[]) =>
      JSON.parse((await pipeline(folder, namespace, ...args, '--output', 'json')).stderr).error.code;

    expect(await code('submit', '--dest', 'git', '--claim', 'other')).toBe('CLAIM_MISSING');
    expect(await code('watch')).toBe('NO_WORKFLOW');
    expect(await code('watch', 'nothing')).toBe('NO_WORKFLOW');
    expect(await code('submit', '--dest', 'image')).toBe('REPOSITORY_MISSING');
    expect(await code('upload', '--dest', 'git')).toBe('USAGE');
    await project.write('ml-basic/tasks.py', '');
    expect(await code('submit', '--dest', 'git')).toBe('FUNCTION_MISSING');
    await project.write('ml-basic/environment.yml', 'name: other\n');
    execFileSync('git', ['checkout', 'tasks.py'], { cwd: folder, stdio: 'ignore' });
    expect(await code('submit', '--dest', 'git')).toBe('GIT_CHANGED');
  });
});
