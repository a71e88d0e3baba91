import { describe, inject } from 'vitest';
import { connect } from '../../src/kube/client.ts';
import { requireRights } from '../../src/tunnel/rights.ts';
import { type CliResult, run } from '../helpers/cli.ts';
import { applyObjects, clusterFlags, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { it, type Project } from '../helpers/project.ts';
import { startTunnel, tunnelObjects } from '../helpers/tunnel.ts';
import { documentedVerbs, kubeconfigOf, tunnelUser } from '../helpers/tunnel-user.ts';

/** What is made, in this order, by the path of the request. */
const STEPS = ['jobs', 'services', 'networkpolicies', 'secrets', 'deployments'];

/** What other commands ask of the documented Role, or what only explains. */
const OPTIONAL = /^list (jobs|services|secrets|networkpolicies|events)$/;

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

function flagsFor(file: string): string[] {
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
    // Its own user ends it from another terminal, and it is not made again.
    const down = await tunnel(['down', 'shared'], namespace);
    expect([down.code, down.stderr]).toEqual([0, '']);
    expect(await taken.ended).toBe(143);
    await eventually(async () => expect(await tunnelObjects(namespace)).toEqual([]));
  });
});

describe('a tunnel that cannot be', () => {
  it('names the right that is missing, and makes nothing', async ({ project, expect }) => {
    const { namespace } = project;
    await makeNamespace(namespace);
    const user = await tunnelUser(namespace, 'alice', { resource: 'jobs', verb: 'create' });
    const result = await run(['tunnel', ...flagsFor(await project.write('kubeconfig', user))]);
    expect([result.code, result.stderr]).toEqual([3, expect.stringMatching(/TUNNEL_RIGHTS/)]);
    expect(result.stderr).toMatch(/create jobs\.batch.*docs\/tunnel\.md/s);
    expect(await tunnelObjects(namespace)).toEqual([]);
  });

  it('names each verb of the documented Role that is missing', async ({ project, expect }) => {
    const { namespace } = project;
    await makeNamespace(namespace);
    const needed = (await documentedVerbs()).filter((one) => !OPTIONAL.test(`${one.verb} ${one.resource}`));
    expect(needed.length).toBeGreaterThan(15);
    for (const [index, without] of needed.entries()) {
      const file = await project.write('kubeconfig', await tunnelUser(namespace, `user-${index}`, without));
      const client = connect({ kubeconfig: file, context: inject('rehearsal').context });
      const asked = requireRights(client, namespace, 'api', new AbortController().signal);
      const pattern = `^you may not ${without.verb} ${without.resource}(\\.[a-z0-9.]+)? in ${namespace}$`;
      await expect(asked).rejects.toMatchObject({
        code: 'TUNNEL_RIGHTS',
        exitCode: 3,
        message: expect.stringMatching(new RegExp(pattern)),
      });
      client.close();
    }
  });

  it('names the nearest context', async ({ expect }) => {
    const { kubeconfig, context } = inject('rehearsal');
    const result = await run(['tunnel', '-t', `${context}x`, '--kubeconfig', kubeconfig]);
    expect([result.code, result.stderr]).toEqual([4, expect.stringContaining(`Did you mean "${context}"?`)]);
  });

  it('says that credentials have expired', async ({ project, expect }) => {
    const file = await project.write('kubeconfig', await kubeconfigOf({ token: 'expired' }));
    const result = await run(['tunnel', ...flagsFor(file)]);
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
