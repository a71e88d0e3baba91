import { describe } from 'vitest';
import type { KubeObject } from '../../src/kube/types.ts';
import { component, expectNoTrace, leaseOf, newestRevisions, summaryOf } from '../helpers/chaos.ts';
import { api, clusterFlags } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Running, start } from '../helpers/process.ts';
import { it, type Project } from '../helpers/project.ts';

const leases = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
const other = { holderIdentity: 'ann@far-away/12', acquireTime: '2026-11-21T08:00:00.000000Z' };

function up(project: Project, ...more: string[]): Running {
  return start(['up', '-f', 'flavour.yaml', ...clusterFlags(), ...more], { cwd: project.folder });
}

/** A lease of another machine, renewed just now. */
async function makeLease(namespace: string, renewed = new Date()): Promise<KubeObject> {
  const core = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await api().request('POST', '/api/v1/namespaces', { body: core });
  const spec = { ...other, renewTime: `${renewed.toISOString().slice(0, -1)}000Z` };
  const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'datamill' }, spec };
  return api().request<KubeObject>('POST', leases(namespace), { body });
}

const saying = (text: string) => (events: Running['events']) =>
  events.some(({ message = '' }) => message.includes(text));

describe('two ups at once', () => {
  it.concurrent('are told apart: the second says who is first, or waits', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ a: component({ slow: 4 }), b: component({ slow: 4 }, { after: ['a'] }) });
    const first = up(project);
    await first.until(saying('chaos 1.0.0'));
    const [second, third] = [up(project), up(project, '--wait-lock')];
    expect(await second.ended).toBe(6);
    const { error } = JSON.parse(second.stderr().trim().split('\n').at(-1)!);
    expect(error).toMatchObject({ code: 'LOCKED', hint: expect.stringContaining('--wait-lock') });
    const since = String((await leaseOf(namespace))!.spec!.acquireTime).slice(0, 19);
    expect(error.message).toMatch(new RegExp(`@.+/${first.pid} since ${since}`));
    expect(second.events.at(-1)).toMatchObject({ type: 'error', code: 'LOCKED' });

    // Looking needs no lock.
    for (const args of [['plan'], ['status'], ['up', '--dry-run'], ['render', 'out']])
      expect((await project.run(args)).code, args.join(' ')).toBe(0);

    expect(await first.ended, first.stderr()).toBe(0);
    expect(await third.ended, third.stderr()).toBe(0);
    expect(third.events.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`waiting for ${error.message.split(': ')[1]}`),
    );
    expect(summaryOf(third.events)).toMatchObject({ unchanged: 2 });
    expect([...(await newestRevisions(namespace)).values()].map(({ revision }) => revision)).toEqual([1, 1]);
    await expectNoTrace(first.pid, namespace);
  });

  it.concurrent('can be interrupted while one waits', async ({ project, expect }) => {
    await project.flavour({ a: component({}) });
    await makeLease(project.namespace);
    const running = up(project, '--wait-lock');
    await running.until(saying('waiting for ann@far-away/12 since 2026-11-21T08:00:00Z'));
    running.kill('SIGINT');
    expect(await running.ended, running.stderr()).toBe(130);
    expect(summaryOf(running.events)).toMatchObject({ result: 'interrupted', installed: 0 });
    expect((await leaseOf(project.namespace))!.spec!.holderIdentity).toBe(other.holderIdentity);
  });
});

describe('the lock of another machine', () => {
  it.concurrent('is believed while it is renewed, whatever its clock says', async ({ project, expect }) => {
    await project.flavour({ a: component({}) });
    const lease = await makeLease(project.namespace, new Date(Date.now() - 3600_000));
    const running = up(project);
    await running.until(saying('waiting for'));
    const spec = { ...lease.spec, renewTime: '2026-01-01T00:00:10.000000Z' };
    await api().request('PUT', `${leases(project.namespace)}/datamill`, { body: { ...lease, spec } });
    expect(await running.ended).toBe(6);
  });

  it.concurrent('is taken over after 30 s without a change', async ({ project, expect }) => {
    await project.flavour({ a: component({}) });
    await makeLease(project.namespace, new Date(Date.now() - 60_000));
    const began = performance.now();
    const running = up(project);
    await running.until(saying('chaos 1.0.0'));
    expect(performance.now() - began).toBeGreaterThan(30_000);
    expect(await running.ended, running.stderr()).toBe(0);
    await expectNoTrace(running.pid, project.namespace);
  });
});

describe('a lost lock', () => {
  it.concurrent.for(['deleted', 'replaced'] as const)(
    'stops the run (%s)',
    async (how, { project, expect }) => {
      const { namespace } = project;
      await project.flavour({
        a: component({ slow: 30 }),
        b: component({}, { after: ['a'] }),
      });
      const running = up(project);
      await eventually(async () => expect((await newestRevisions(namespace)).has('a')).toBe(true));
      if (how === 'deleted') await api().request('DELETE', `${leases(namespace)}/datamill`);
      else
        await eventually(async () => {
          const lease = (await leaseOf(namespace))!;
          const body = { ...lease, spec: { ...lease.spec, ...other } };
          await api().request('PUT', `${leases(namespace)}/datamill`, { body });
        });
      const began = performance.now();
      expect(await running.ended, running.stderr()).toBe(6);
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(running.events.at(-1)).toMatchObject({
        type: 'error',
        code: 'LOCK_LOST',
        message: expect.stringContaining(how === 'deleted' ? 'somebody deleted' : 'ann@far-away/12'),
      });
      const revisions = await newestRevisions(namespace);
      expect([...revisions.keys()]).toEqual(['a']);
      expect(revisions.get('a')!.status).toBe('failed');
      // The lock of the other one is not ours to take away.
      if (how === 'replaced') expect((await leaseOf(namespace))!.spec).toMatchObject(other);
    },
  );
});
