import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import {
  eight,
  expectConverges,
  expectKept,
  expectNoTrace,
  leaseOf,
  newestRevisions,
  summaryOf,
  treasures,
} from '../helpers/chaos.ts';
import type { CliEvent } from '../helpers/cli.ts';
import { clusterFlags } from '../helpers/cluster.ts';
import { childrenOf, start } from '../helpers/process.ts';
import { it } from '../helpers/project.ts';
import { chooseSeed, seeded } from '../helpers/random.ts';

const random = seeded(chooseSeed());
const names = Object.keys(eight());

/**
 * After how many events, and how much later. Seventeen are sure to come before the last component,
 * which takes two seconds, is ready: so the signal always finds a run to interrupt.
 */
function moments(count: number): Array<{ after: number; later: number; odd: boolean }> {
  return Array.from({ length: count }, (_, index) => ({
    after: 1 + Math.floor(random() * 17),
    later: Math.floor(random() * 400),
    odd: index % 2 === 1,
  }));
}

const flags = () => ['up', '-f', 'flavour.yaml', ...clusterFlags()];

/** Names of the components in the order in which they began. */
function begun(events: readonly CliEvent[]): string[] {
  return [
    ...new Set(events.filter(({ state }) => state === 'running').map(({ component = '' }) => component)),
  ];
}

describe('an interrupted up', () => {
  it.concurrent.for(moments(10))(
    'ends in good order, is repaired and goes on ($after events, $later ms)',
    async ({ after, later, odd }, { project, expect }) => {
      const [signal, code] = odd ? (['SIGTERM', 143] as const) : (['SIGINT', 130] as const);
      const { namespace } = project;
      await project.flavour(eight());
      const running = start(flags(), { cwd: project.folder });
      await running.until((events) => events.length >= after);
      await sleep(later);
      running.kill(signal);
      expect(await running.ended, running.stderr()).toBe(code);

      await expectNoTrace(running.pid, namespace);
      const { events } = running;
      const summary = summaryOf(events);
      expect(summary).toMatchObject({ result: 'interrupted', unchanged: 0, removed: 0 });
      expect(events.filter(({ type }) => type === 'summary' || type === 'error')).toHaveLength(1);
      expect(JSON.parse(running.stderr().trim().split('\n').at(-1)!)).toMatchObject({
        error: { code: 'INTERRUPTED' },
      });
      const stopped = events.findIndex(({ message }) => message === 'not started');
      if (stopped >= 0) expect(begun(events)).toEqual(begun(events.slice(0, stopped)));
      const revisions = await newestRevisions(namespace);
      for (const { status, name } of revisions.values()) {
        expect(['deployed', 'failed'], name).toContain(status);
        expect(begun(events)).toContain(name);
      }
      const before = await treasures(namespace);
      await expectConverges(project, names);
      await expectKept(namespace, before);
    },
  );
});

describe('an up that is interrupted before anything is installed', () => {
  it.concurrent.for(Array.from({ length: 12 }, (_, index) => 5 + index * 12))(
    'ends in good order (%d ms)',
    async (later, { project, expect }) => {
      await project.flavour(eight());
      const running = start(flags(), { cwd: project.folder });
      await running.until((events) => events.length >= 1);
      await sleep(later);
      running.kill('SIGINT');
      expect(await running.ended, running.stderr()).toBe(130);
      expect(summaryOf(running.events)).toMatchObject({ result: 'interrupted' });
      await expectNoTrace(running.pid, project.namespace);
    },
  );
});

describe('a killed up', () => {
  it.concurrent.for(moments(10))(
    'is taken over, repaired and goes on ($after events, $later ms, helm too: $odd)',
    async ({ after, later, odd }, { project, expect }) => {
      const { namespace } = project;
      await project.flavour(eight());
      const running = start(flags(), { cwd: project.folder });
      await running.until((events) => events.length >= after);
      await sleep(later);
      running.kill('SIGKILL');
      if (odd) for (const { pid } of childrenOf(running.pid)) process.kill(pid, 'SIGKILL');
      expect(await running.ended).toBe('SIGKILL');
      const [before, lease] = [await treasures(namespace), await leaseOf(namespace)];
      const began = performance.now();
      const result = await expectConverges(project, names);
      expect(performance.now() - began).toBeLessThan(60_000);
      const taken = result.events.filter(({ message = '' }) =>
        new RegExp(`^taking over from .*/${running.pid}, which is gone$`).test(message),
      );
      // Killed before it had the lock, there is nothing to take over.
      expect(taken).toHaveLength(lease === undefined ? 0 : 1);
      expect(childrenOf(running.pid)).toEqual([]);
      await expectKept(namespace, before);
    },
  );
});

describe('an interrupted down', () => {
  it.concurrent.for([1, 3, 6, 10])(
    'ends in good order, keeps the secrets, and goes on when it is asked again (after %d events)',
    async (after, { project, expect }) => {
      const { namespace } = project;
      await project.flavour(eight());
      expect((await project.run(['up'])).code).toBe(0);
      // The volumes of this chart are Helm's, and go with the release.
      const all = await treasures(namespace);
      const secrets = new Map([...all].filter(([name]) => name.startsWith('Secret/')));
      const running = start(['down', '-f', 'flavour.yaml', ...clusterFlags()], { cwd: project.folder });
      await running.until((events) => events.length >= after);
      running.kill('SIGINT');
      const code = await running.ended;
      // The last one may have gone before the signal came.
      expect([0, 130], running.stderr()).toContain(code);
      await expectNoTrace(running.pid, namespace);
      const { result, removed } = summaryOf(running.events);
      expect(result).toBe(code === 0 ? 'ok' : 'interrupted');
      const { size } = await newestRevisions(namespace);
      // One that helm was taking away may be gone.
      expect(size).toBeLessThanOrEqual(names.length - removed);
      const again = await project.run(['down', '--output', 'json']);
      expect(again.code, again.stderr).toBe(0);
      expect(summaryOf(again.events)).toMatchObject({ result: 'ok', failed: 0, skipped: 0 });
      expect(summaryOf(again.events).removed).toBeGreaterThanOrEqual(size);
      expect((await newestRevisions(namespace)).size).toBe(0);
      await expectKept(namespace, secrets);
    },
  );
});
