import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/util/paths.ts';
import { run } from '../helpers/cli.ts';
import { api, applyObjects, get, kubectl } from '../helpers/cluster.ts';
import { app, it, type Project } from '../helpers/project.ts';

/** The Role that the documentation tells people to give. */
async function documentedRole(namespace: string) {
  const page = await readFile(join(packageRoot, 'docs', 'rights.md'), 'utf8');
  const role = parse(/```yaml\n([\s\S]*?)```/.exec(page)![1]!);
  return { ...role, metadata: { ...role.metadata, namespace } };
}

/** A kubeconfig with the token of a service account that has this Role and nothing else. */
async function administrator(project: Project, namespaces: string[]): Promise<string[]> {
  const [home] = namespaces as [string];
  const account = { kind: 'ServiceAccount', name: 'administrator', namespace: home };
  for (const namespace of namespaces) {
    const role = await documentedRole(namespace);
    await applyObjects({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, role, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'administrator', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role.metadata.name },
      subjects: [account],
    });
  }
  await applyObjects({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: account.name, namespace: home },
  });
  const { status } = await api().request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${home}/serviceaccounts/${account.name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  const config = parse(await readFile(inject('rehearsal').kubeconfig, 'utf8'));
  config.users = [{ name: 'administrator', user: { token: status.token } }];
  for (const { context } of config.contexts) context.user = 'administrator';
  return [
    '--kubeconfig',
    await project.write('kubeconfig', config),
    '--context',
    inject('rehearsal').context,
  ];
}

const secrets = { '{{release}}-auth': { user: { generate: 10 }, password: { generate: 20 } } };
const secret = { name: '{{release}}-auth', accessKey: 'user', secretKey: 'password' };
const store = app({
  secrets,
  provides: { s3: { endpoint: 'http://x', host: 'x', port: 1, secret } },
  values: { storage: { size: '1Gi' } },
});

describe.concurrent('a namespace administrator', () => {
  it('can do everything in namespaces that are there', async ({ project, expect }) => {
    const other = project.another();
    const flags = await administrator(project, [project.namespace, other]);
    const datamill = (...[verb, ...args]: string[]) =>
      run([verb!, '-f', 'flavour.yaml', ...flags, ...args], { cwd: project.folder });
    const consumer = (replicas: number) =>
      app({
        needs: { store: 's3' },
        values: { replicas },
        objects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' } }],
        hooks: { before: [{ name: 'prepare', image: 'x:1', command: ['true'] }] },
      });
    await project.flavour({ store, api: consumer(1) }, { api: { namespace: other } });
    // The rights really are that small.
    await expect(
      kubectl(
        'auth',
        'can-i',
        'list',
        'nodes',
        '--as',
        `system:serviceaccount:${project.namespace}:administrator`,
      ),
    ).rejects.toThrow();

    expect((await datamill('plan', '--exit-code')).code).toBe(5);
    const up = await datamill('up', '--output', 'json');
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(up.events.at(-1)).toMatchObject({ installed: 2 });
    const status = await datamill('status', '--output', 'json');
    expect(status.json.components).toMatchObject([
      { name: 'store', state: 'deployed', ready: true },
      { name: 'api', state: 'deployed', ready: true },
    ]);
    expect((await datamill('up', '--output', 'json')).events.at(-1)).toMatchObject({ unchanged: 2 });
    await project.flavour({ store, api: consumer(2) }, { api: { namespace: other } });
    const plan = await datamill('plan', '--output', 'json');
    expect(plan.json.steps[1].changes).toMatchObject([{ path: 'spec.replicas', before: 1, after: 2 }]);
    expect((await datamill('up')).code).toBe(0);
    expect((await get(other, 'deployments', 'api')).spec.replicas).toBe(2);
    expect((await datamill('history', 'api')).stdout).toMatch(/^2 /m);
    expect((await datamill('rollback', 'api')).code).toBe(0);

    const down = await datamill('down', '--delete-data', '--yes');
    expect(down.code, down.stdout + down.stderr).toBe(0);
    expect(down.stdout).toContain(`Volumes deleted: ${project.namespace}/store-data`);
    expect(await get(other, 'deployments', 'api')).toBeUndefined();
    expect(await get(project.namespace, 'secrets', 'store-auth')).toBeUndefined();
    expect(await get(other, 'secrets', 'store-auth')).toBeUndefined();
  });

  it('is told why a release fails, as far as they may look', async ({ project, expect }) => {
    const flags = await administrator(project, [project.namespace]);
    const crash = { podAnnotations: { 'datamill.io/simulate': 'crash-loop' } };
    await project.flavour({
      huge: app({ values: { resources: { requests: { cpu: '5000' } } } }),
      crash: app({ values: crash }),
    });
    await project.write(
      'flavour.yaml',
      `${await readFile(join(project.folder, 'flavour.yaml'), 'utf8')}
huge: { setup_timeout: 12 }
`,
    );
    const up = await run(['up', '-f', 'flavour.yaml', ...flags], { cwd: project.folder });
    expect(up.code).toBe(1);
    expect(up.stdout).toMatch(/huge failed: [\s\S]*Insufficient cpu/);
    expect(up.stdout).toMatch(/crash failed: .*restarted 5 times/);
  });

  it('without the Role is told what is missing, and where to read about it', async ({ project, expect }) => {
    const flags = await administrator(project, [project.namespace]);
    await kubectl('delete', 'rolebinding', 'administrator', '-n', project.namespace);
    await project.flavour({ api: app() });
    const up = await run(['up', '-f', 'flavour.yaml', ...flags, '--output', 'json'], { cwd: project.folder });
    expect(up.code).toBe(3);
    expect(JSON.parse(up.stderr.trim().split('\n').at(-1)!).error).toMatchObject({
      code: 'MISSING_RIGHTS',
      message: expect.stringMatching(
        new RegExp(
          `create, update leases.coordination.k8s.io in ${project.namespace}; .*create, patch deployments.apps in `,
        ),
      ),
      hint: expect.stringContaining('docs/rights.md'),
    });
  });
});
