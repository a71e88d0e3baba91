import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { configError } from '../errors.ts';
import { Allocator } from './allocator.ts';
import { ArtifactCache } from './artifacts/cache.ts';
import { Stores } from './artifacts/stores.ts';
import { type AttemptSettings, runAttempt } from './attempt/run.ts';
import { capacityOf } from './capacity.ts';
import { Keyring } from './envelope/index.ts';
import { ProcessExecutor } from './executors/process.ts';
import type { Log } from './log.ts';
import { readMessage } from './message.ts';
import { Metrics } from './metrics.ts';
import { openQueues } from './queues/index.ts';
import { Reporter } from './reporter.ts';
import { serveStatus } from './server.ts';
import { cacheOf, milliseconds, pattern, type RunnerSettings } from './settings.ts';
import { slackTeller } from './slack.ts';
import { isSuspended } from './state.ts';
import { type Execute, Worker, type WorkerOptions } from './worker.ts';

export interface StartOptions {
  signal: AbortSignal;
  log: Log;
}

/**
 * Serves queues until the signal fires; then everything is handed back.
 *
 * @throws {DatamillError} FLAG, NO_QUEUES (exit 2), NO_CLUSTER (exit 3), QUEUE_UNREACHABLE (exit 4).
 */
export async function startRunner(
  settings: RunnerSettings,
  { signal, log }: StartOptions,
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
  const attempt = attemptSettings(settings, { workingDir, stores, metrics });
  const reporter = new Reporter({
    keys: new Keyring({ ...settings, clearText: true }),
    host: attempt.host,
    log,
  });
  const worker = new Worker({
    ...timings(settings),
    sources: async () => queues,
    match: pattern('--queue-match', settings.queueMatch),
    mismatch: settings.queueMismatch ? pattern('--queue-mismatch', settings.queueMismatch) : undefined,
    deadSuffix: settings.dlqSuffix,
    allocator,
    host: attempt.host,
    execute: executeBy(settings, attempt),
    read: reading(settings),
    paused: () => isSuspended(settings.stateDir, attempt.host),
    ...telling(settings, reporter, log),
    metrics,
    log,
  });
  const server = settings.promAddress
    ? await serveStatus({
        address: settings.promAddress,
        metrics,
        status: () => ({
          host: attempt.host,
          state: signal.aborted
            ? 'Draining'
            : isSuspended(settings.stateDir, attempt.host)
              ? 'DrainAndSuspend'
              : 'Running',
          running: worker.running,
          queues: worker.queues,
          free: allocator.free,
        }),
      })
    : undefined;
  try {
    return await worker.run(signal);
  } finally {
    server?.close();
    await reporter.flush();
    stores.close();
    await Promise.all(queues.map((one) => one.close()));
  }
}

function timings(settings: RunnerSettings) {
  const { limitIdleDuration, limitTasks, maxAttempts } = settings;
  return {
    maxAttempts,
    limitTasks,
    retryDelay: milliseconds('--retry-delay', settings.retryDelay),
    refresh: milliseconds('--queue-refresh', settings.queueRefresh),
    drainTimeout: milliseconds('--drain-timeout', settings.drainTimeout),
    limitIdle:
      limitIdleDuration === undefined ? undefined : milliseconds('--limit-idle-duration', limitIdleDuration),
  };
}

function reading(settings: RunnerSettings): WorkerOptions['read'] {
  const keys = new Keyring({ ...settings, clearText: settings.clearTextMessages });
  return ({ body, queue }) => readMessage(body, queue, keys);
}

function telling(
  settings: RunnerSettings,
  reporter: Reporter,
  log: Log,
): Pick<WorkerOptions, 'onStarted' | 'onSettled'> {
  const { slackHook, slackRoom } = settings;
  const slack = slackHook ? slackTeller({ hook: slackHook, room: slackRoom, log }) : undefined;
  return {
    onStarted: ({ request, digest }, queue, source) => {
      const about = { experiment: request.experiment.key, id: digest.slice(0, 16) };
      reporter.tell(source, queue, about, 'Started');
    },
    onSettled: ({ request, digest }, { end, reason }, queue, source) => {
      const { key } = request.experiment;
      const good = end === 'succeeded' || end === 'duplicate';
      const about = { experiment: key, id: digest.slice(0, 16) };
      if (end !== 'drained' && end !== 'busy' && end !== 'lost')
        reporter.tell(source, queue, about, good ? 'Success' : 'Failed', good ? undefined : reason);
      slack?.(
        `${key} of ${queue}: ${end}${good ? '' : ` (${reason.split('\n')[0]})`}`,
        request.config.runner?.slack_destination,
      );
    },
  };
}

function attemptSettings(
  settings: RunnerSettings,
  { workingDir, stores, metrics }: { workingDir: string; stores: Stores; metrics: Metrics },
): AttemptSettings {
  return {
    host: settings.hostName ?? hostname(),
    stores,
    cache: new ArtifactCache({
      ...cacheOf({ ...settings, workingDir }),
      onHit: () => metrics.add('runner_cache_hits'),
      onMiss: () => metrics.add('runner_cache_misses'),
    }),
    executor: new ProcessExecutor({ environments: join(workingDir, 'environments'), home: workingDir }),
    workingDir,
    leaseTtl: milliseconds('--lease-ttl', settings.leaseTtl),
    schemaLogs: settings.schemaLogs,
    onScrapeErrors: (count) => metrics.add('runner_scrape_errors', {}, count),
  };
}

function executeBy({ executor }: RunnerSettings, settings: AttemptSettings): Execute {
  if (executor === 'process') return (options) => runAttempt({ ...options, settings });
  throw configError('FLAG', `--executor ${executor}: there is no such executor`, {
    hint: 'there is process',
  });
}
