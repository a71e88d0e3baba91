import type { Api } from '../../kube/client.ts';
import { isStatus } from '../../kube/errors.ts';
import { pause } from '../../util/abort.ts';
import type { NodeConfig } from '../config.ts';
import { parseOutput, resultOf } from '../job/output.ts';
import { OUTPUT_CONTAINER } from '../job/spec.ts';
import type { Seen } from '../job/status.ts';
import type { Layout } from '../protocol/contract.ts';
import type { Outcome } from '../types.ts';

/** A log may lag behind the end of its container. */
const TRIES = 8;
const WAIT = 250;
/** base64 of busybox, with its line ends and room for names. */
const GROWTH = 1.4;

interface Source {
  api: Api;
  config: NodeConfig;
  layout: Pick<Layout, 'jobName' | 'outputFile'>;
  signal: AbortSignal;
}

/** How a run ended: log and output are read while its pod is still there. */
export async function collect(source: Source, seen: Seen): Promise<Outcome> {
  const finishedAt = new Date().toISOString();
  const outcome = (status: Outcome['status'], result: Uint8Array, log: string): Outcome => ({
    status,
    result,
    log,
    finishedAt,
  });
  const nothing = Buffer.alloc(0);
  if (seen.pod === undefined || seen.simulated) return outcome(seen.status, nothing, seen.message);
  const { config, layout } = source;
  const said = await readLog(source, seen.pod, layout.jobName, config.jobs.max_log_bytes);
  const log = [seen.message, said ?? ''].filter((part) => part !== '').join('\n');
  if (seen.status !== 'completed') return outcome(seen.status, nothing, log);
  const output = await readOutput(source, seen.pod);
  if (output === undefined)
    return outcome('unknown error', nothing, `${log}\nits output cannot be read`.trim());
  if ('tooLarge' in output) {
    const limit = config.jobs.max_result_bytes;
    return outcome('failed', nothing, `${log}\nits output is larger than ${limit} bytes`.trim());
  }
  return outcome('completed', resultOf(output.files, layout.outputFile), log);
}

async function readOutput(source: Source, pod: string) {
  const limit = Math.ceil(source.config.jobs.max_result_bytes * GROWTH) + 100_000;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) await pause(WAIT, source.signal);
    const text = await readLog(source, pod, OUTPUT_CONTAINER, limit);
    const output = text === undefined ? undefined : parseOutput(text);
    if (output !== undefined) return output;
  }
  return undefined;
}

/** The last part of a container's log; undefined when there is none. */
async function readLog(
  { api, config, signal }: Source,
  pod: string,
  container: string,
  bytes: number,
): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${config.jobs.namespace}/pods/${pod}/log`;
  const query = { container, limitBytes: String(bytes) };
  try {
    return await api.text(path, { query, signal });
  } catch (error) {
    if (isStatus(error, 400) || isStatus(error, 404)) return undefined;
    throw error;
  }
}
