import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { parse } from 'yaml';
import { withStatus } from '../../src/helm/releases.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { api, applyObjects, clusterFlags, get, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { app, charts, it, type Project } from '../helpers/project.ts';

interface Finding {
  state: string;
  what: string;
  where?: string;
  remedy?: string;
}

/** The findings of a group of `datamill doctor --output json`. */
function group({ json }: CliResult, name: string): Finding[] {
  const groups = json.groups as Array<{ name: string; findings: Finding[] }>;
  return groups.find((one) => one.name === name)?.findings ?? [];
}

function doctor(project: Project, ...more: string[]): Promise<CliResult> {
  return project.run(['doctor', '--output', 'json', ...more]);
}

function errors({ json }: CliResult): string[] {
  const groups = json.groups as Array<{ findings: Finding[] }>;
  return groups
    .flatMap(({ findings }) => findings.filter(({ state }) => state === 'error'))
    .map(({ what }) => what);
}

async function namespace(name: string): Promise<void> {
  await applyObjects({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** A kubeconfig whose user is a service account that may do what these rules say, in one namespace. */
async function userWith(project: Project, rules: unknown): Promise<string[]> {
  const home = project.namespace;
  await namespace(home);
  const metadata = { name: 'person', namespace: home };
  await applyObjects(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'person' },
      subjects: [{ kind: 'ServiceAccount', name: 'person', namespace: home }],
    },
  );
  const { status } = await api().request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${home}/serviceaccounts/person/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  const config = parse(await readFile(inject('rehearsal').kubeconfig, 'utf8'));
  config.users = [{ name: 'person', user: { token: status.token } }];
  for (const { context } of config.contexts) context.user = 'person';
  const file = await project.write('kubeconfig', config);
  return ['--kubeconfig', file, '--context', inject('rehearsal').context];
}

/** The rules that docs/rights.md tells people to ask for. */
async function documentedRules(): Promise<Array<{ resources: string[]; verbs: string[] }>> {
  const page = await readFile(join(packageRoot, 'docs', 'rights.md'), 'utf8');
  return parse(/```yaml\n([\s\S]*?)```/.exec(page)![1]!).rules;
}

const large = app({ values: { replicas: 3, resources: { requests: { cpu: '6', memory: '1Gi' } } } });

describe.concurrent('datamill doctor', () => {
  it('finds nothing wrong, and says what comes next', async ({ project, expect }) => {
    await project.flavour({ api: app({ values: { storage: { size: '1Gi' } } }) });

    const before = await project.run(['doctor']);
    expect(before.code, before.stdout + before.stderr).toBe(0);
    expect(before.stdout).toMatch(
      /datamill up -f flavour\.yaml .* installs the flavour\.|cli\.js up -f flavour\.yaml/,
    );
    expect(before.stdout).toMatch(/ok +1 claim finds its storage class/);
    expect((await project.run(['up'])).code).toBe(0);
    const after = await doctor(project);
    expect(after.json).toMatchObject({
      schema: 1,
      result: 'ok',
      reachable: true,
      installed: true,
      missingRights: [],
    });
    expect(group(after, 'cluster')[0]!.what).toMatch(/^answers in .* ms: Kubernetes v1\./);
    expect(group(after, 'rights')).toMatchObject([{ state: 'ok' }]);
    expect(group(after, 'releases')).toMatchObject([{ state: 'ok', what: 'api is installed' }]);
  });

  it('says everything about tools and kubeconfig where no cluster answers', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    const config = parse(await readFile(inject('rehearsal').kubeconfig, 'utf8'));
    config.clusters[0].cluster.server = 'https://127.0.0.1:9';
    config.users[0].user = { 'auth-provider': { name: 'gcp' } };
    const file = await project.write('kubeconfig', config);

    const found = await run(['doctor', '-f', 'flavour.yaml', '--kubeconfig', file, '--output', 'json'], {
      cwd: project.folder,
    });
    expect(found.code).toBe(4);
    expect(found.json).toMatchObject({ reachable: false, result: 'error' });
    expect(group(found, 'tools')[0]!.what).toMatch(/^helm /);
    expect(group(found, 'kubeconfig')).toContainEqual(
      expect.objectContaining({
        state: 'error',
        what: expect.stringContaining('gcp'),
        remedy: expect.stringContaining('gke-gcloud-auth-plugin'),
      }),
    );
    expect(group(found, 'cluster')).toMatchObject([{ state: 'error' }]);
  });

  it('knows less, and says so, for the administrator of a namespace', async ({ project, expect }) => {
    const flags = await userWith(project, await documentedRules());
    await project.flavour({ api: app({ values: { storage: { size: '1Gi' } } }) });
    const look = () =>
      run(['doctor', '-f', 'flavour.yaml', ...flags, '--output', 'json'], { cwd: project.folder });

    const found = await look();
    expect(errors(found)).toEqual([]);
    expect(found.code).toBe(0);
    for (const name of ['storage', 'capacity'])
      expect(group(found, name)[0], name).toMatchObject({ state: 'unknown' });
    expect(found.json.missingRights).toContainEqual({ verb: 'list', group: '', resource: 'nodes' });
    const up = await run(['up', '-f', 'flavour.yaml', ...flags], { cwd: project.folder });
    expect(up.code, up.stdout + up.stderr).toBe(0);
  });

  it('names each right that is missing by verb and resource, as does up', async ({ project, expect }) => {
    const rules = await documentedRules();
    for (const rule of rules)
      if (rule.resources.includes('deployments'))
        rule.verbs = ['get', 'list', 'watch', 'patch', 'update', 'delete'];
    const flags = await userWith(project, rules);
    await project.flavour({ api: app() });

    const found = await run(['doctor', '-f', 'flavour.yaml', ...flags], { cwd: project.folder });
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(
      `error      this user may not create deployments.apps in ${project.namespace}`,
    );
    expect(found.stdout).toMatch(/kind: Role\n[\s\S]*resources:\n +- deployments\n +verbs:\n +- create\n/);
    const up = await run(['up', '-f', 'flavour.yaml', ...flags], { cwd: project.folder });
    expect(up.code).toBe(3);
    expect(up.stderr).toContain(`this user may not create deployments.apps in ${project.namespace}`);
    expect(await get(project.namespace, 'configmaps', 'api')).toBeUndefined();
    const forced = await run(['up', '-f', 'flavour.yaml', ...flags, '--force'], { cwd: project.folder });
    expect(forced.code).toBe(1);
    expect(forced.stdout).toMatch(/warning: forced, although this user may not create deployments/);
  });

  it('and up say by how much a flavour does not fit', async ({ project, expect }) => {
    await project.flavour({ large, huge: app({ values: { resources: { requests: { cpu: '400' } } } }) });

    const up = await project.run(['up', '--output', 'json']);
    expect(up.code).toBe(3);
    const { error } = JSON.parse(up.stderr.trim().split('\n').at(-1)!);
    expect(error).toMatchObject({
      code: 'CAPACITY',
      message: 'huge: a pod of Deployment/huge needs 400 CPU, the largest node has 8',
    });
    expect(error.others.map((other: { message: string }) => other.message)).toContainEqual(
      expect.stringMatching(/^all together need 18 CPU; of 16 CPU on 2 nodes .* CPU are free$/),
    );
    expect(await api().find(`/api/v1/namespaces/${project.namespace}`)).toBeUndefined();
    const found = await doctor(project);
    expect(found.code).toBe(1);
    expect(errors(found)).toEqual([error.message, expect.stringMatching(/^all together need 18 CPU/)]);
  });

  it('lets --force install what does not fit', async ({ project, expect }) => {
    await project.flavour({ large }, { large: { setup_timeout: 8 } });
    const up = await project.run(['up', '--force']);
    expect(up.code).toBe(1);
    expect(up.stdout).toMatch(/warning: forced, although all together need 18 CPU/);
    expect(await get(project.namespace, 'deployments', 'large')).toBeDefined();
  });

  it('does not count twice what is installed, nor what an upgrade replaces', async ({ project, expect }) => {
    const sized = (replicas: number) =>
      app({ values: { replicas, resources: { requests: { cpu: '100m', 'ephemeral-storage': '60G' } } } });
    await project.flavour({ store: sized(2) });
    expect((await project.run(['up'])).code).toBe(0);
    expect(group(await doctor(project), 'capacity')).not.toContainEqual(
      expect.objectContaining({ state: 'error' }),
    );
    await project.flavour({
      store: app({
        values: {
          replicas: 2,
          data: { other: 'x' },
          resources: { requests: { cpu: '100m', 'ephemeral-storage': '60G' } },
        },
      }),
    });
    expect((await project.run(['up'])).code).toBe(0);
    await project.flavour({ store: sized(5) });
    const up = await project.run(['up']);
    expect(up.code).toBe(3);
    expect(up.stderr).toMatch(/all together need .* ephemeral-storage/);
  });

  it('and up name a storage class that is not there', async ({ project, expect }) => {
    const values = { storage: { size: '1Gi', class: 'fastest' }, storageClass: 'fastest' };
    await project.flavour({ disk: app({ values }) });
    const up = await project.run(['up']);
    expect(up.code).toBe(3);
    expect(up.stderr).toMatch(
      /error\[STORAGE_CLASS\]: disk: storage class "fastest" does not exist; there .*standard/,
    );
    const found = await doctor(project);
    expect(errors(found)).toEqual([
      expect.stringMatching(
        /^disk: the claim disk-data names the storage class "fastest", which does not exist/,
      ),
    ]);
  });

  it('and up name what keeps a namespace from being deleted', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    await namespace(project.namespace);
    const metadata = { name: 'kept', namespace: project.namespace, finalizers: ['example.com/backup'] };
    await applyObjects({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    await kubectl('delete', 'namespace', project.namespace, '--wait=false');
    try {
      const up = await project.run(['up']);
      expect(up.code, up.stdout + up.stderr).toBe(3);
      const words = `the namespace ${project.namespace} is being deleted, which waits for configmaps/kept (example.com/backup)`;
      expect(up.stderr).toContain(`error[NAMESPACE_TERMINATING]: ${words}`);
      const found = await doctor(project);
      expect(found.code).toBe(1);
      expect(group(found, 'namespaces')).toMatchObject([{ state: 'error', what: words }]);
    } finally {
      await kubectl(
        'patch',
        'configmap',
        'kept',
        '-n',
        project.namespace,
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":null}}',
      );
    }
    // It is gone a moment later, which is waited for.
    const up = await project.run(['up']);
    expect(up.code, up.stdout + up.stderr).toBe(0);
  });

  it('tells of a release that is stuck and of a lock that was left', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    expect((await project.run(['up'])).code).toBe(0);
    const path = `/api/v1/namespaces/${project.namespace}/secrets/sh.helm.release.v1.api.v1`;
    const secret = await api().get<KubeObject>(path);
    const metadata = { ...secret.metadata, labels: { ...secret.metadata.labels, status: 'pending-upgrade' } };
    const release = withStatus(String(secret.data!.release), 'pending-upgrade');
    await api().request('PUT', path, { body: { ...secret, metadata, data: { release } } });
    const gone = {
      holderIdentity: `somebody@elsewhere.${hostname()}/1`,
      leaseDurationSeconds: 30,
      renewTime: '2026-01-01T00:00:00.000000Z',
    };
    await applyObjects({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'datamill', namespace: project.namespace },
      spec: gone,
    });

    const found = await doctor(project);
    expect(found.code).toBe(1);
    expect(group(found, 'releases')).toMatchObject([
      { state: 'warning', what: expect.stringMatching(/^somebody@elsewhere.* left the lock behind/) },
      {
        state: 'error',
        what: expect.stringMatching(/^api is stuck: .*pending-upgrade/),
        remedy: expect.stringContaining('datamill up'),
      },
    ]);
  });

  it('tells of certificates that expired, and of pods that fail', async ({ project, expect }) => {
    await project.flavour({
      api: app({ values: { podAnnotations: { 'datamill.io/simulate': 'crash-loop' } } }),
    });
    expect((await project.run(['up'])).code).toBe(1);
    const certificate = await readFile(join(packageRoot, 'test/fixtures/certificates/expired.crt'));
    const data = { 'tls.crt': certificate.toString('base64'), 'tls.key': '' };
    await applyObjects({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name: 'console', namespace: project.namespace },
      data,
    });

    const found = await doctor(project);
    expect(found.code).toBe(1);
    expect(group(found, 'certificates')).toMatchObject([
      {
        state: 'error',
        what: 'its certificate expired on 2020-04-01',
        where: `Secret ${project.namespace}/console`,
        remedy: expect.stringContaining(`kubectl --kubeconfig ${clusterFlags()[1]} --context`),
      },
    ]);
    expect(group(found, 'pods')).toContainEqual(
      expect.objectContaining({
        state: 'error',
        what: expect.stringMatching(/^api: CrashLoopBackOff: container app exited with code 1/),
      }),
    );
  });

  it('tells which pod keeps a StatefulSet that was mended', async ({ project, expect }) => {
    const set = (podAnnotations: Record<string, string>) => ({
      chart: { path: join(charts, 'set') },
      values: { podAnnotations },
    });
    await project.flavour({ db: set({ 'datamill.io/simulate': 'crash-loop' }) });
    expect((await project.run(['up'])).code).toBe(1);
    // Kubernetes is given ten seconds to replace a pod.
    await eventually(async () => {
      const conditions: Array<{ type: string; lastTransitionTime: string }> = (
        await get(project.namespace, 'pods', 'db-0')
      ).status.conditions;
      const since = conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
      expect(Date.now() - Date.parse(since)).toBeGreaterThan(12_000);
    });
    await project.flavour({ db: set({}) });

    const up = await project.run(['up']);
    expect(up.code).toBe(1);
    const words = `delete it: kubectl -n ${project.namespace} delete pod db-0`;
    expect(up.stdout).toMatch(/StatefulSet\/db +StuckRollout +db-0 of the earlier revision is not ready/);
    expect(up.stdout).toContain(words);
    await kubectl('delete', 'pod', 'db-0', '-n', project.namespace);
    expect((await project.run(['up'])).code).toBe(0);
  });
});
