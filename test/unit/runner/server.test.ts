import { expect, it } from 'vitest';
import { Allocator } from '../../../src/runner/allocator.ts';
import { Metrics } from '../../../src/runner/metrics.ts';
import { Scheduler } from '../../../src/runner/scheduler.ts';
import { serveStatus } from '../../../src/runner/server.ts';

it('a runner answers what Prometheus and people ask', async () => {
  const metrics = new Metrics();
  metrics.add('runner_project_completed', { queue: 'a"b' });
  let state: 'Running' | 'Draining' = 'Running';
  const free = { cpus: 1, ram: 2, hdd: 3, gpus: 0 };
  const status = () => ({ host: 'h', state, running: 0, queues: ['rmq_a'], free });
  const server = await serveStatus({ address: '127.0.0.1:0', metrics, status });
  const get = async (path: string) => await fetch(`http://127.0.0.1:${server.port}${path}`);

  const text = await (await get('/metrics')).text();
  expect(text).toContain('runner_project_completed{queue="a\\"b"} 1\n');
  expect(text).toContain('# TYPE runner_project_running gauge\nrunner_project_running 0\n');
  expect(await (await get('/status')).json()).toEqual({ schema: 1, ...status() });
  expect((await get('/readyz')).status).toBe(200);
  state = 'Draining';
  expect((await get('/readyz')).status).toBe(503);
  server.close();
});

const need = (cpus: number, gpus = 0) => ({ cpus, gpus, gpuMem: 1, ram: 1, hdd: 1 });
const machine = (cpus: number, gpus: Array<{ id: string; slots: number; memory: number }> = []) =>
  new Allocator({ cpus, ram: 1000, hdd: 1000, gpus });

it('never gives out more than there is, and everything comes back', () => {
  const allocator = machine(4, [{ id: 'g0', slots: 2, memory: 10 }]);
  const held = Array.from({ length: 10 }, () => allocator.tryReserve(need(1, 0.5), 'a')).filter((one) => one);
  expect(held).toHaveLength(4);
  expect(allocator.free).toMatchObject({ cpus: 0, gpus: 0 });
  expect(allocator.canEver(need(5))).toBe(false);
  for (const one of held) one!.release();
  expect(allocator.free).toEqual({ cpus: 4, ram: 1000, hdd: 1000, gpus: 2 });
  expect(() => held[0]!.release()).toThrow('twice');
});

it('a card is of one queue until its last experiment has ended', () => {
  const allocator = machine(8, [{ id: 'g0', slots: 2, memory: 10 }]);
  const first = allocator.tryReserve(need(1, 1), 'a')!;
  expect(first.cards).toEqual(['g0']);
  expect(allocator.tryReserve(need(1, 1), 'b')).toBeUndefined();
  expect(allocator.tryReserve(need(1, 1), 'a')?.cards).toEqual(['g0']);
});

it('a queue that has used little comes before one that has used much', async () => {
  const scheduler = new Scheduler(machine(1));
  const never = new AbortController().signal;
  const first = (await scheduler.reserve(need(1), 'busy', 60_000, never))!;
  const order: string[] = [];
  const wait = (queue: string) =>
    scheduler.reserve(need(1), queue, 60_000, never).then((held) => {
      order.push(queue);
      return held!;
    });
  const busy = wait('busy');
  const quiet = wait('quiet');
  first.release();
  (await quiet).release();
  (await busy).release();
  expect(order).toEqual(['quiet', 'busy']);
});
