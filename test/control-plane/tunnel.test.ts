import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { api, applyObjects, clusterFlags, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { it, type Project } from '../helpers/project.ts';
import { startTunnel, tunnelObjects } from '../helpers/tunnel.ts';

/** What is made, in this order, by the path of the request. */
const STEPS = ['jobs', 'services', 'networkpolicies', 'secrets', 'deployments'];

function makeNamespace(name: string): Promise<void> {
  return applyObjects({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

function tunnel(verb: string[], namespace: string, user = 'alice'): Promise<CliResult> {
  return run(['tunnel', ...verb, '-n', namespace, ...clusterFlags()], { env: { USER: user } });
}

/** Runs a tunnel up to a step of its making and sends it a signal then. */
async function endedAt(
  project: Project,
  step: string,
  signal: NodeJS.Signals,
): Promise<number | NodeJS.Signals> {
  const proxy = await FaultProxy.open(inject('rehearsal').kubeconfig, Math.random);
  const file = await project.write('proxied', proxy.kubeconfig);
  const flags = ['--kubeconfig', file, '--context', 'faulty'];
  const running = startTunnel({ namespace: project.namespace, flags });
  const made = new RegExp(`^POST .*/${step}(\\?|$)`);
  await eventually(async () => {
    if (!proxy.seen.some((request) => made.test(request))) throw new Error(`no ${step} were made`);
  });
  running.kill(signal);
  const code = await running.ended;
  await proxy.close();
  return code;
}

/** A kubeconfig with the token of a service account that has the documented Role but for some verbs. */
async function restricted(project: Project, without: { resource: string; verb: string }): Promise<string[]> {
  const { namespace } = project;
  const page = await readFile(join(packageRoot, 'docs', 'tunnel.md'), 'utf8');
  const role = parse(/```yaml\n([\s\S]*?)```/.exec(page)![1]!);
  for (const rule of role.rules as Array<{ resources: string[]; verbs: string[] }>)
    if (rule.resources.includes(without.resource))
      rule.verbs = rule.verbs.filter((verb) => verb !== without.verb);
  const account = { kind: 'ServiceAccount', name: 'alice', namespace };
  const group = 'rbac.authorization.k8s.io';
  await makeNamespace(namespace);
  await applyObjects(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'alice', namespace } },
    { ...role, metadata: { ...role.metadata, namespace } },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'alice', namespace },
      roleRef: { apiGroup: group, kind: 'Role', name: role.metadata.name },
      subjects: [account],
    },
  );
  const { status } = await api().request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/alice/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  return await withToken(project, status.token);
}

async function withToken(project: Project, token: string): Promise<string[]> {
  const config = parse(await readFile(inject('rehearsal').kubeconfig, 'utf8'));
  config.users = [{ name: 'alice', user: { token } }];
  for (const { context } of config.contexts) context.user = 'alice';
  const file = await project.write('kubeconfig', config);
  return ['--kubeconfig', file, '--context', inject('rehearsal').context];
}

describe('a tunnel that is ended while it is made', () => {
  it.for(STEPS)('leaves nothing after Ctrl-C when it makes %s', async (step, { project, expect }) => {
    await makeNamespace(project.namespace);
    expect(await endedAt(project, step, 'SIGINT')).toBe(130);
    await eventually(async () => expect(await tunnelObjects(project.namespace)).toEqual([]));
  });

  it.for(STEPS)('leaves nothing after kill -9 and gc when it makes %s', async (step, { project, expect }) => {
    await makeNamespace(project.namespace);
    expect(await endedAt(project, step, 'SIGKILL')).toBe('SIGKILL');
    const gc = await tunnel(['gc', '--output', 'json'], project.namespace);
    expect(gc.json, gc.stderr).toMatchObject({ removed: ['alice-tunnel'] });
    await eventually(async () => expect(await tunnelObjects(project.namespace)).toEqual([]));
  });
});

describe('a tunnel that was killed', () => {
  it('is removed by the cluster itself when its time is over', async ({ project, expect }) => {
    const { namespace } = project;
    await makeNamespace(namespace);
    const running = startTunnel({ namespace, args: ['--ttl', '1m'] });
    await eventually(async () => expect(await tunnelObjects(namespace)).toContain('service/alice-tunnel'));
    running.kill('SIGKILL');
    await running.ended;
    expect(await tunnelObjects(namespace)).not.toEqual([]);
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]), 120);
  });

  it('is taken over by the next one, with its address', async ({ project, expect }) => {
    const { namespace } = project;
    await makeNamespace(namespace);
    const first = startTunnel({ namespace });
    const address = () =>
      kubectl('get', 'service', 'alice-tunnel', '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}');
    await first.event(({ state }) => state === 'connecting');
    const before = await address();
    first.kill('SIGKILL');
    await first.ended;
    const second = startTunnel({ namespace, args: ['-p', '9000'] });
    await second.event(({ type, message }) => type === 'warning' && /took over/.test(message ?? ''));
    await second.event(({ state }) => state === 'connecting');
    expect(await address()).toBe(before);
    expect(await second.stop()).toBe(130);
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });
});

describe('a tunnel that is in use', () => {
  it('is refused to a second run, and to other users, whatever they ask', async ({ project, expect }) => {
    const { namespace } = project;
    await makeNamespace(namespace);
    const first = startTunnel({ namespace, args: ['shared'] });
    await first.event(({ state }) => state === 'connecting');
    const uids = () =>
      kubectl('get', 'jobs,services,deployments', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.uid}');
    const before = await uids();
    const again = await tunnel(['shared'], namespace);
    expect([again.code, again.stderr]).toEqual([6, expect.stringMatching(/TUNNEL_IN_USE.*alice@/)]);
    for (const verb of [['shared'], ['shared', '--replace'], ['shared', '--reuse']]) {
      const other = await tunnel(verb, namespace, 'bob');
      expect([other.code, other.stderr]).toEqual([3, expect.stringMatching(/TUNNEL_FOREIGN.*alice@/)]);
    }
    expect((await tunnel(['down', 'shared'], namespace, 'bob')).code).toBe(3);
    expect((await tunnel(['gc', '--output', 'json'], namespace, 'bob')).json.removed).toEqual([]);
    expect((await tunnel(['gc', '--output', 'json'], namespace)).json.removed).toEqual([]);
    expect(await uids()).toBe(before);
    const taken = startTunnel({ namespace, args: ['shared', '--reuse'] });
    await taken.event(({ state }) => state === 'connecting');
    // The first one finds out, and leaves everything to the second.
    expect(await first.ended).toBe(6);
    expect(await tunnelObjects(namespace)).toContain('service/shared');
    await taken.stop();
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });
});

describe('a tunnel that cannot be', () => {
  it.for([
    { resource: 'jobs', verb: 'create' },
    { resource: 'secrets', verb: 'delete' },
    { resource: 'pods/portforward', verb: 'get' },
  ])('names the right that is missing: $verb $resource', async (without, { project, expect }) => {
    const flags = await restricted(project, without);
    const result = await run(['tunnel', '-n', project.namespace, ...flags]);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/TUNNEL_RIGHTS/);
    expect(result.stderr).toContain(`${without.verb} ${without.resource}`);
    expect(result.stderr).toMatch(/docs\/tunnel\.md/);
    expect(await tunnelObjects(project.namespace)).toEqual([]);
  });

  it('names the nearest context', async ({ expect }) => {
    const { kubeconfig, context } = inject('rehearsal');
    const result = await run(['tunnel', '-t', `${context}x`, '--kubeconfig', kubeconfig]);
    expect([result.code, result.stderr]).toEqual([4, expect.stringContaining(`Did you mean "${context}"?`)]);
  });

  it('says that credentials have expired', async ({ project, expect }) => {
    const result = await run(['tunnel', ...(await withToken(project, 'expired'))]);
    expect([result.code, result.stderr]).toEqual([4, expect.stringMatching(/log in again/)]);
  });

  it.for([
    [['Not_A_Name'], /"not-a-name" would do/],
    [['-p', '8000:x:y:z'], /CLUSTER\[:\[HOST:\]LOCAL\]/],
    [['-p', '8000', '-p', '8000:3000'], /named twice/],
    [['--ttl', '1s'], /the least is 1m/],
    [['--reuse', '--replace'], /one of them/],
  ] as Array<[string[], RegExp]>)('refuses %j', async ([args, words], { expect }) => {
    const result = await run(['tunnel', ...args, ...clusterFlags()]);
    expect([result.code, result.stderr]).toEqual([2, expect.stringMatching(words)]);
  });
});
