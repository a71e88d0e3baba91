import { setTimeout as sleep } from 'node:timers/promises';
import { DatamillError } from '../errors.ts';
import { upgradeArgs } from '../helm/args.ts';
import { isPending, listRevisions, newest, readRelease } from '../helm/releases.ts';
import { helmMessage, isTransient } from '../helm/run.ts';
import type { Finding } from '../kube/diagnose.ts';
import { releaseLabels } from '../kube/labels.ts';
import { ensureNamespace } from '../kube/namespaces.ts';
import { type ObjectRef, refOf } from '../kube/resources.ts';
import { copySecret, ensureSecret } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import { releaseObjects } from '../plan/drift.ts';
import { readMetadata, withMarks } from '../plan/live.ts';
import { type InstallRecord, writeRecord } from '../plan/record.ts';
import { version } from '../util/version.ts';
import { installCrds } from './crds.ts';
import { ensureDataClaim, takesDataFolder } from './data-claim.ts';
import type { Phase, Reporter } from './events.ts';
import { InstallError } from './failure.ts';
import { runHook } from './hooks.ts';
import { type ClusterView, monitor, type Watched } from './monitor.ts';
import { applyObjects } from './objects.ts';
import { repair, settle } from './repair.ts';
import { valuesWithSecrets } from './secrets-literal.ts';
import type { Session } from './session.ts';
import type { Wanted } from './wanted.ts';

/** How often helm is tried again after a fault of the way to the API server, which then has to come back. */
const HELM_ATTEMPTS = 12;

export interface InstallContext {
  session: Session;
  view: ClusterView;
  report: Reporter;
  signal: AbortSignal;
  /** Take over what somebody else made. */
  adopt?: boolean;
}

/** Takes one component through all its phases; the record comes last. */
export async function installComponent(wanted: Wanted, context: InstallContext): Promise<InstallRecord> {
  const { component } = wanted;
  const { session, signal } = context;
  const { api, identity } = session;
  const phase = (name: Phase, message: string) => {
    signal.throwIfAborted();
    context.report({ type: 'step', component: component.name, phase: name, state: 'running', message });
  };
  for (const { name, labels } of component.namespaces) await ensureNamespace(api, name, identity, labels);
  const secrets = Object.entries(component.secrets);
  if (secrets.length + component.copies.length > 0)
    phase('secrets', secrets.map(([name]) => name).join(', '));
  for (const [name, keys] of secrets)
    await ensureSecret(api, identity, component.name, component.namespace, name, keys);
  for (const { name, from } of component.copies)
    await copySecret(api, identity, component.name, name, from, component.namespace);
  await makeBuckets(wanted, context, phase);
  const { dataMount } = session.resolved;
  if (dataMount !== undefined && takesDataFolder(component, dataMount)) {
    phase('data', `mounting ${dataMount.node} of the nodes`);
    await ensureDataClaim(session, component.namespace, dataMount, signal);
  }
  for (const hook of component.hooks.before) {
    phase('before', hook.name);
    await runHook(api, identity, component, hook, signal);
  }
  await installCrds(wanted, context);
  let installed = { revision: 0, objects: [] as KubeObject[] };
  if (wanted.chart !== undefined) {
    installed = await upgrade(wanted, context, phase);
  }
  if (component.objects.length > 0) phase('objects', `${component.objects.length} objects`);
  const own = await applyObjects(wanted, context, (line) => phase('objects', line));
  for (const hook of component.hooks.after) {
    phase('after', hook.name);
    await runHook(api, identity, component, hook, signal);
  }
  return await noteDone(
    wanted,
    context,
    installed.revision,
    [...installed.objects.map((object) => refOf(object)), ...own],
    own,
  );
}

/** Buckets need a real object store to be made in. */
async function makeBuckets(
  { component }: Wanted,
  { session, report, signal }: InstallContext,
  phase: (name: Phase, message: string) => void,
): Promise<void> {
  const { buckets, name } = component;
  if (buckets.length === 0) return;
  const store = Object.values(component.needs).find((need) => need?.capability === 's3');
  if (store === undefined || store === null) return;
  if (session.handle.simulated) {
    report({
      type: 'step',
      component: name,
      phase: 'buckets',
      state: 'skipped',
      message: `${buckets.join(', ')}: pods are simulated`,
    });
    return;
  }
  phase('buckets', buckets.join(', '));
  const { ensureBuckets } = await import('../lake/index.ts');
  await ensureBuckets(session.api, store, buckets, signal);
}

async function upgrade(
  wanted: Wanted,
  context: InstallContext,
  phase: (name: Phase, message: string) => void,
): Promise<{ revision: number; objects: KubeObject[] }> {
  const { component, chart, assessment } = wanted;
  const { session, signal } = context;
  const { namespace, release, spec, timeout } = component;
  if (assessment.state === 'pending') {
    phase('repair', assessment.message);
    await repair(session.api, namespace, release, timeout, signal);
  }
  phase('install', `${chart!.name} ${chart!.version}`);
  const args = upgradeArgs(session.helmTarget, {
    release,
    namespace,
    chart: chart!.path,
    timeout,
    labels: releaseLabels(session.identity, component.name),
    description: `data-mill ${version}`,
    apply: spec.apply === 'client' ? 'client' : await applyMethod(wanted, session),
    wait: spec.wait,
    takeOwnership: assessment.state === 'foreign',
  });
  const watched: Watched = { api: session.api, view: context.view, namespace, release, since: new Date() };
  const tell = (line: string) => phase('install', line);
  for (let attempt = 1; ; attempt++) {
    const { result, fatal } = await runWatched(args, wanted, watched, context, tell);
    if (result.exitCode === 0) {
      const installed = await installedObjects(session, result.stdout, namespace);
      await settle(session.api, namespace, release, installed.revision, signal);
      return installed;
    }
    signal.throwIfAborted();
    if (result.signal !== undefined && !result.canceled)
      throw new DatamillError('HELM_KILLED', helmMessage(result), {
        hint: 'is the memory of this machine short? Run the command again: it repairs what was cut short',
      });
    if (fatal.length > 0)
      throw new InstallError(fatal.map(({ object, message }) => `${object}: ${message}`).join('; '), fatal);
    if (attempt >= HELM_ATTEMPTS || !isTransient(result)) throw new InstallError(helmMessage(result), []);
    tell(`the API server faltered, trying again: ${helmMessage(result).slice(0, 120)}`);
    await sleep(Math.min(500 * 2 ** attempt, 5000), undefined, { signal });
    const state = newest(await listRevisions(session.api, namespace, { release, signal })).get(
      release,
    )?.status;
    if (state !== undefined && isPending(state))
      await repair(session.api, namespace, release, timeout, signal);
  }
}

/** Runs helm with a look at the pods beside it; what will not heal ends helm at once. */
async function runWatched(
  args: string[],
  { component }: Wanted,
  watched: Watched,
  { session, signal }: InstallContext,
  tell: (line: string) => void,
) {
  const helm = await session.helm();
  const done = new AbortController();
  const giveUp = new AbortController();
  let fatal: Finding[] = [];
  const watching = monitor(watched, AbortSignal.any([done.signal, signal]), tell, (found) => {
    fatal = found;
    giveUp.abort();
  });
  try {
    const result = await helm.run(args, {
      input: JSON.stringify(await valuesWithSecrets(session.api, component)),
      signal: AbortSignal.any([signal, giveUp.signal]),
    });
    return { result, fatal };
  } finally {
    done.abort();
    await watching;
  }
}

/**
 * A release that client-side apply made (Helm 3) must not be given apply flags; a new one and one
 * that server-side apply made are ours to apply by force.
 */
async function applyMethod({ assessment, component }: Wanted, { api }: Session): Promise<'server' | 'keep'> {
  if (assessment.revision === undefined || assessment.revision.status === 'uninstalled') return 'server';
  const content = await readRelease(api, component.namespace, assessment.revision.secret);
  return content === undefined || content.apply_method === 'ssa' ? 'server' : 'keep';
}

async function installedObjects(
  { api }: Session,
  stdout: string,
  namespace: string,
): Promise<{ revision: number; objects: KubeObject[] }> {
  const { version: revision, manifest } = JSON.parse(stdout) as { version: number; manifest: string };
  return { revision, objects: await releaseObjects(api, namespace, manifest) };
}

function secretsOf({ namespace, secrets, copies }: Wanted['component']): ObjectRef[] {
  const names = new Set([...Object.keys(secrets), ...copies.map(({ name }) => name)]);
  return [...names].map((name) => ({ apiVersion: 'v1', kind: 'Secret', name, namespace }));
}

async function noteDone(
  { component, chart, digest }: Wanted,
  { session }: InstallContext,
  revision: number,
  refs: ObjectRef[],
  own: ObjectRef[],
): Promise<InstallRecord> {
  const { api, identity, handle } = session;
  const objects = await readMetadata(api, refs);
  const record: InstallRecord = {
    schema: 1,
    component: component.name,
    release: component.release,
    namespace: component.namespace,
    digest,
    revision,
    chart: chart === undefined ? '' : `${chart.name}-${chart.version}`,
    // Secrets are looked for too; what is in them is not ours to judge.
    objects: [...withMarks(refs, objects), ...secretsOf(component)],
    own,
    secrets: Object.keys(component.secrets),
    dependsOn: component.dependsOn,
    installedAt: new Date().toISOString(),
    unchecked: component.checks.length > 0 && !handle.simulated ? true : undefined,
    version,
  };
  await writeRecord(api, identity, record);
  return record;
}
