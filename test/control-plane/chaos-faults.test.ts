import { setTimeout as sleep } from 'node:timers/promises';
import { describe, inject, type TestContext } from 'vitest';
import { list } from '../../src/kube/objects.ts';
import {
  eight,
  expectKept,
  expectNoTrace,
  expectWhole,
  leaseOf,
  newestRevisions,
  summaryOf,
  treasures,
} from '../helpers/chaos.ts';
import { api } from '../helpers/cluster.ts';
import { FaultProxy, type Faults } from '../helpers/fault-proxy.ts';
import { type Running, start } from '../helpers/process.ts';
import { it, type Project } from '../helpers/project.ts';
import { chooseSeed, seeded } from '../helpers/random.ts';

const random = seeded(chooseSeed());
const names = Object.keys(eight());
/** A proxy of the test's own, and the way to run a verb through it. */
async function faulty(
  project: Project,
  onTestFinished: TestContext['onTestFinished'],
): Promise<{ proxy: FaultProxy; run(verb: string, ...args: string[]): Running }> {
  const proxy = await FaultProxy.open(inject('rehearsal').kubeconfig, random);
  onTestFinished(() => proxy.close());
  const kubeconfig = await project.write('faulty.yaml', proxy.kubeconfig);
  const flags = ['-f', 'flavour.yaml', '--kubeconfig', kubeconfig, '--context', 'faulty'];
  return {
    proxy,
    run: (verb, ...args) => start([verb, ...flags, ...args], { cwd: project.folder }),
  };
}

const storm: Faults = {
  // A watch of helm 4.3 that is cut may stay silent until its timeout: nothing of ours can mend that yet.
  only: ({ path }) => !/[?&](watch|resourceVersion)=/.test(path),
  tooMany: 0.02,
  conflict: 0.02,
  error: 0.01,
  reset: 0.01,
  lost: 0.01,
  latency: 10,
};

describe('an API server that falters', () => {
  it.concurrent('loses nothing and does nothing twice', async ({ project, expect, onTestFinished }) => {
    const { namespace } = project;
    const { proxy, run } = await faulty(project, onTestFinished);
    await project.flavour(eight());
    proxy.faults = storm;
    const first = run('up');
    expect(await first.ended, `${first.stderr()} ${JSON.stringify(first.events.slice(-12))}`).toBe(0);
    expect(summaryOf(first.events)).toMatchObject({ result: 'ok', installed: 8 });
    await expectWhole(namespace, names);
    const kept = await treasures(namespace);

    const second = run('up');
    expect(await second.ended, second.stderr()).toBe(0);
    expect(summaryOf(second.events)).toMatchObject({ result: 'ok', unchanged: 8 });

    await project.flavour(eight('two'));
    const change = run('up');
    expect(await change.ended, `${change.stderr()} ${JSON.stringify(change.events.slice(-12))}`).toBe(0);
    expect(summaryOf(change.events)).toMatchObject({ result: 'ok', upgraded: 8 });
    await expectWhole(namespace, names);
    await expectKept(namespace, kept);
    const jobs = await list(api(), { apiVersion: 'batch/v1', kind: 'Job', namespace });
    expect(jobs.map(({ metadata }) => metadata.name)).toEqual([expect.stringMatching(/^d-migrate-/)]);

    const down = run('down');
    expect(await down.ended, `${down.stderr()} ${JSON.stringify(down.events.slice(-12))}`).toBe(0);
    expect(summaryOf(down.events)).toMatchObject({ result: 'ok', removed: 8 });
    expect((await newestRevisions(namespace)).size).toBe(0);
    for (const { pid } of [first, second, change, down]) await expectNoTrace(pid, namespace);
    const faults = Object.values(proxy.done).reduce((sum, count) => sum + count, 0);
    expect(faults, JSON.stringify(proxy.done)).toBeGreaterThan(10);
  });

  it.concurrent.for(['refuse', 'hang'] as const)(
    'may be gone for 20 s (%s)',
    async (how, { project, expect, onTestFinished }) => {
      const { namespace } = project;
      const { proxy, run } = await faulty(project, onTestFinished);
      await project.flavour(eight());
      const running = run('up');
      await running.until((events) => events.length >= 12);
      await proxy.breakDown(how);
      await sleep(20_000);
      await proxy.heal();
      expect(await running.ended, `${running.stderr()} ${JSON.stringify(running.events.slice(-12))}`).toBe(0);
      expect(summaryOf(running.events)).toMatchObject({ result: 'ok', installed: 8 });
      const said = running.events.map(({ message }) => message);
      expect(said).toContain('the API server does not answer; waiting for it');
      expect(said).toContain('the API server answers again');
      await expectWhole(namespace, names);
      await expectNoTrace(running.pid, namespace);
    },
  );

  it.concurrent('costs the lock when it is gone for longer', async ({ project, expect, onTestFinished }) => {
    const { namespace } = project;
    const { proxy, run } = await faulty(project, onTestFinished);
    await project.flavour(eight());
    const running = run('up');
    await running.until((events) => events.length >= 12);
    await proxy.breakDown('refuse');
    const began = performance.now();
    expect(await running.ended, running.stderr()).toBe(6);
    expect(performance.now() - began).toBeGreaterThan(20_000);
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(running.stderr()).toContain('LOCK_LOST');
    await proxy.heal();
    expect(await leaseOf(namespace)).toBeDefined();
    const next = run('up');
    expect(await next.ended, next.stderr()).toBe(0);
    await expectWhole(namespace, names);
    await expectNoTrace(next.pid, namespace);
  });

  it.concurrent('is given up soon when it is not there, with its address', async ({
    project,
    expect,
    onTestFinished,
  }) => {
    const { proxy, run } = await faulty(project, onTestFinished);
    await project.flavour(eight());
    await proxy.breakDown('refuse');
    const running = run('up');
    expect(await running.ended).toBe(4);
    expect(running.stderr()).toMatch(/TARGET_UNREACHABLE.*http:\/\/127\.0\.0\.1:\d+.*does not answer/);
  });

  it.concurrent('ends a run by a fault that never heals, and says which', async ({
    project,
    expect,
    onTestFinished,
  }) => {
    const { proxy, run } = await faulty(project, onTestFinished);
    await project.flavour({ a: eight().a });
    proxy.faults = {
      error: 1,
      only: ({ method, path }) => method !== 'GET' && path.includes('/persistentvolumeclaims'),
    };
    const running = run('up');
    expect(await running.ended).toBe(1);
    expect(summaryOf(running.events)).toMatchObject({ result: 'failed', failed: 1 });
    expect(JSON.stringify(running.events)).toContain('injected by the test');
  });
});
