import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { configError } from '../errors.ts';
import { Allocator } from './allocator.ts';
import { ArtifactCache } from './artifacts/cache.ts';
import { Stores } from './artifacts/stores.ts';
import { capacityOf } from './capacity.ts';
import type { Executor } from './executors/contract.ts';
import { ProcessExecutor } from './executors/process.ts';
import type { Log } from './log.ts';
import { readMessage } from './message.ts';
import { Metrics } from './metrics.ts';
import { openQueues } from './queues/index.ts';
import { cacheOf, milliseconds, pattern, type RunnerSettings } from './settings.ts';
import { Worker } from './worker.ts';

/**
 * Serves queues until the signal fires; then everything is handed back.
 *
 * @throws {DatamillError} FLAG, NO_QUEUES (exit 2); QUEUE_UNREACHABLE (exit 4).
 */
export async function startRunner(
  settings: RunnerSettings,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<{ taken: number }> {
  const workingDir = resolve(settings.workingDir);
  await mkdir(workingDir, { recursive: true });
  const metrics = new Metrics();
  const allocator = new Allocator(
    await capacityOf({ ...settings, visible: settings.cudaVisibleDevices, folder: workingDir }),
  );
  const { cpus, ram, hdd, gpus } = allocator.capacity;
  log('info', 'this runner has', { cpus, ram, hdd, gpus: gpus.length });
  const queues = await openQueues(settings);
  const stores = new Stores({
    own: settings.allowEnvSecrets ? process.env : {},
    folders: (settings.fileRoot ?? []).map((folder) => resolve(folder)),
    onTrouble: (message) => log('warn', message),
  });
  const cache = new ArtifactCache({
    ...cacheOf({ ...settings, workingDir }),
    onHit: () => metrics.add('runner_cache_hits'),
    onMiss: () => metrics.add('runner_cache_misses'),
  });
  const worker = new Worker({
    sources: async () => queues,
    match: pattern('--queue-match', settings.queueMatch),
    mismatch: settings.queueMismatch ? pattern('--queue-mismatch', settings.queueMismatch) : undefined,
    deadSuffix: settings.dlqSuffix,
    allocator,
    attempt: {
      host: settings.hostName ?? hostname(),
      stores,
      cache,
      executor: executorOf(settings.executor, workingDir),
      workingDir,
      leaseTtl: milliseconds('--lease-ttl', settings.leaseTtl),
      schemaLogs: settings.schemaLogs,
    },
    read: ({ body }) => readMessage(body),
    maxAttempts: settings.maxAttempts,
    retryDelay: milliseconds('--retry-delay', settings.retryDelay),
    refresh: milliseconds('--queue-refresh', settings.queueRefresh),
    drainTimeout: milliseconds('--drain-timeout', settings.drainTimeout),
    limitTasks: settings.limitTasks,
    limitIdle:
      settings.limitIdleDuration === undefined
        ? undefined
        : milliseconds('--limit-idle-duration', settings.limitIdleDuration),
    metrics,
    log,
  });
  try {
    return await worker.run(signal);
  } finally {
    stores.close();
    await Promise.all(queues.map((one) => one.close()));
  }
}

function executorOf(name: string, workingDir: string): Executor {
  if (name === 'process')
    return new ProcessExecutor({ environments: join(workingDir, 'environments'), home: workingDir });
  throw configError('FLAG', `--executor ${name}: there is no such executor`, { hint: 'known ones: process' });
}
