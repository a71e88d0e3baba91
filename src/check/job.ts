import { randomBytes } from 'node:crypto';
import type { Check } from '../config/schema/check.ts';
import { errorMessage } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { diagnose, type Finding, summaryLine } from '../kube/diagnose.ts';
import { isFault, isStatus } from '../kube/errors.ts';
import { condition, text } from '../kube/fields.ts';
import { create, list, listIfAllowed, remove } from '../kube/objects.ts';
import { type ObjectRef, pathOf, refOf } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause } from '../util/abort.ts';
import { final, notYet } from './failure.ts';
import { jobManifest, secretsOf } from './manifest.ts';
import { readSecret } from './secrets.ts';
import type { Attempt } from './subject.ts';

const LOOK_EVERY = 300;
/** The cluster is asked for reasons less often: that takes more calls. */
const ASK_EVERY = 1500;
/** Lines of the log that are told: of a Job that succeeded, and of one that failed. */
const LINES = { passed: 2, failed: 10 };

/** Runs a Job and tells its last words; it is removed in any case. */
export async function checkJob(job: NonNullable<Check['job']>, attempt: Attempt): Promise<string> {
  const { api, namespace, component, check } = attempt;
  await hideSecrets(job, attempt);
  const stem = `${component}-check-${check}`.slice(0, 52).replace(/-+$/, '');
  const manifest = jobManifest(job, `${stem}-${randomBytes(3).toString('hex')}`, attempt);
  const ref = refOf(manifest);
  attempt.doing('starting its Job');
  try {
    await make(api, manifest);
    await untilDone(ref, attempt);
    const lines = await lastLines(api, namespace, ref.name, LINES.passed);
    return lines.length === 0 ? 'its Job succeeded' : lines.join('\n');
  } finally {
    // With its pods; the signal has fired perhaps, and must not stop this.
    await remove(api, ref, { propagation: 'Background' });
  }
}

/** What the Job is given may stand in its log. */
async function hideSecrets(
  job: NonNullable<Check['job']>,
  { api, namespace, doing }: Attempt,
): Promise<void> {
  for (const { name, key } of secretsOf(job)) {
    doing(`reading the Secret ${name}`);
    await readSecret(api, namespace, { name, key });
  }
}

async function make(api: Api, manifest: KubeObject): Promise<void> {
  try {
    await create(api, manifest);
  } catch (error) {
    // Refused by rights, a quota or an admission webhook: it would be again.
    throw isFault(error) ? error : final(`its Job cannot be made: ${errorMessage(error)}`);
  }
}

/** @throws {CheckError} when the Job has failed, or will not start. */
async function untilDone(ref: ObjectRef, { api, signal, doing }: Attempt): Promise<void> {
  const since = new Date();
  const path = await pathOf(api, ref);
  let asked = Date.now();
  for (;;) {
    const job = await api.find<KubeObject>(path, { signal });
    if (job === undefined) throw notYet('somebody deleted its Job');
    if (condition(job, 'Complete')?.status === 'True') return;
    if (condition(job, 'Failed')?.status === 'True') throw await failure(job, since, api);
    if (Date.now() - asked > ASK_EVERY) {
      asked = Date.now();
      const found = await findingsOf(job, since, api);
      doing(found.length === 0 ? 'waiting for its Job to end' : `waiting for ${summaryLine(found)}`);
      const lost = found.find(({ healing }) => !healing);
      if (lost !== undefined) throw final(words(lost));
    }
    await pause(LOOK_EVERY, signal);
  }
}

/** What the cluster says of a Job; nothing while its pod runs. */
async function findingsOf(job: KubeObject, since: Date, api: Api): Promise<Finding[]> {
  const { namespace, name } = job.metadata;
  const whole = { ...job, apiVersion: 'batch/v1', kind: 'Job' };
  const pods = await podsOf(api, namespace!, name);
  if (pods.some(({ status }) => text(status?.phase) === 'Running')) return [];
  const [events, nodes] = await Promise.all([
    listIfAllowed(api, { apiVersion: 'v1', kind: 'Event', namespace }),
    listIfAllowed(api, { apiVersion: 'v1', kind: 'Node' }),
  ]);
  return diagnose({ objects: [whole], pods, jobs: [whole], events: events ?? [], claims: [], nodes, since });
}

async function failure(job: KubeObject, since: Date, api: Api): Promise<Error> {
  const { namespace, name } = job.metadata;
  const found = await findingsOf(job, since, api);
  const why =
    found.find(({ object }) => object.startsWith('Pod/'))?.message ??
    condition(job, 'Failed')?.message ??
    'it failed';
  const lines = await lastLines(api, namespace!, name, LINES.failed);
  return notYet([`its Job failed: ${why}`, ...lines].join('\n'));
}

function words({ object, message }: Finding): string {
  return `its Job cannot run: ${object}: ${message}`;
}

async function podsOf(api: Api, namespace: string, job: string): Promise<KubeObject[]> {
  return await list(
    api,
    { apiVersion: 'v1', kind: 'Pod', namespace },
    { labels: `batch.kubernetes.io/job-name=${job}` },
  );
}

async function lastLines(api: Api, namespace: string, job: string, most: number): Promise<string[]> {
  try {
    const pod = (await podsOf(api, namespace, job)).at(-1)?.metadata.name;
    if (pod === undefined) return [];
    const log = await api.text(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
      query: { tailLines: String(most) },
      retryFor: 5000,
    });
    return log.split('\n').filter((line) => line.trim() !== '');
  } catch (error) {
    return isStatus(error, 403) ? [`(its log may not be read: ${errorMessage(error)})`] : [];
  }
}
