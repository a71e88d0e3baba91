import { join } from 'node:path';
import { configError } from '../errors.ts';
import { parseDuration } from '../util/duration.ts';
import { parseSize } from './sizes.ts';

/** What says where queues are. */
export interface QueueSettings {
  amqpUrl?: string;
  amqpMgtUrl?: string;
  /** Folder whose folders are queues. */
  queueRoot?: string;
  dlqSuffix: string;
  /** Span for which a broker may wait for an acknowledgement, before it is given custody anew. */
  custodyAfter: string;
}

/** What `datamill runner start` is told, by flags or by variables of the environment. */
export interface RunnerSettings extends QueueSettings {
  queueMatch: string;
  queueMismatch?: string;
  cacheDir?: string;
  cacheSize: string;
  maxCores?: number;
  maxMem?: string;
  maxDisk: string;
  cpuOnly: boolean;
  cudaVisibleDevices?: string;
  workingDir: string;
  executor: string;
  maxAttempts: number;
  retryDelay: string;
  drainTimeout: string;
  leaseTtl: string;
  queueRefresh: string;
  fileRoot?: string[];
  allowEnvSecrets: boolean;
  schemaLogs: boolean;
  limitTasks?: number;
  limitIdleDuration?: string;
  promAddress?: string;
  encryptDir?: string;
  requestSignaturesDir?: string;
  responseSignaturesDir?: string;
  clearTextMessages: boolean;
  slackHook?: string;
  slackRoom?: string;
  stateDir?: string;
  hostName?: string;
}

/** Less would not hold one artifact of a usual size. */
const SMALLEST_CACHE = 1e9;

/** Milliseconds of a flag that is a span of time. @throws {DatamillError} FLAG (exit 2). */
export function milliseconds(flag: string, text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseDuration(text);
  if (seconds === undefined)
    throw configError('FLAG', `${flag} ${text}: this is no span of time such as 30s or 5m`);
  return seconds * 1000;
}

/** @throws {DatamillError} FLAG (exit 2). */
export function pattern(flag: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw configError('FLAG', `${flag} ${text}: ${(error as Error).message}`);
  }
}

/** Folder and bytes of the cache. @throws {DatamillError} FLAG (exit 2). */
export function cacheOf({ cacheDir, cacheSize, workingDir }: RunnerSettings): {
  folder: string;
  size: number;
} {
  const size = parseSize(cacheSize);
  if (size === undefined)
    throw configError('FLAG', `--cache-size ${cacheSize}: this is no size such as 10GiB`);
  if (size < SMALLEST_CACHE)
    throw configError('FLAG', `--cache-size ${cacheSize}: the least is 1 GB`, {
      hint: 'artifacts larger than the cache are fetched anew for each experiment',
    });
  return { folder: join(cacheDir ?? join(workingDir, 'cache'), 'blobs'), size };
}
