import { setTimeout as sleep } from 'node:timers/promises';
import { DatamillError, errorMessage } from '../errors.ts';
import { objectLabel } from '../kube/fields.ts';
import { COMPONENT, isOurs } from '../kube/labels.ts';
import { readiness } from '../kube/ready.ts';
import { pathOf, refKey, refOf } from '../kube/resources.ts';
import { isRolledFor, roll, type SecretUser, secretUsers, whyNotRolled } from '../kube/secret-users.ts';
import { copySecret, ownSecrets, secretPath, secretState, settleSecret } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import { markOf } from '../plan/live.ts';
import { type InstallRecord, readRecords, writeRecord } from '../plan/record.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { type InstallContext, installComponent } from './install.ts';
import { findings } from './monitor.ts';
import { literalsOf, trimHistory } from './secrets-literal.ts';
import type { Session } from './session.ts';
import { compareWithCluster } from './wanted.ts';

const POLL_EVERY = 500;
/** When pods are not ready by then, the cluster is asked why. */
const PATIENCE = 4000;
const DEFAULT_TIMEOUT = 600;

export interface RollResult {
  /** Namespaces with a copy of the Secret, which was refreshed. */
  copies: string[];
  /** What was restarted, as `Kind/name`, in order. */
  restarted: Array<{ component: string; namespace: string; object: string }>;
  /** Components that took the value as a literal and were upgraded. */
  upgraded: string[];
  /** What uses the Secret and was not restarted, and why. */
  left: Array<{ namespace: string; object: string; reason: string }>;
}

/**
 * Brings a new value of a Secret into use: refreshes the copies, upgrades what took the value as
 * a literal, and rolls what refers to it, providers before consumers, each waited for. All that is
 * done leaves its mark in the cluster, so that a second run does only what is missing.
 *
 * @throws {DatamillError} ROLL_FAILED (exit 1) when something does not become ready again.
 */
export async function bringIntoUse(
  namespace: string,
  name: string,
  context: InstallContext,
): Promise<RollResult> {
  const { session, signal } = context;
  const { api, identity } = session;
  const secret = await api.get<KubeObject>(secretPath(namespace, name));
  const id = secretState(secret).rotated ?? secret.metadata.creationTimestamp ?? '';
  const records = await readRecords(api, identity, namespacesOf(session), signal);
  const copies = await refreshCopies(session, namespace, name, records);
  const result: RollResult = { copies, restarted: [], upgraded: [], left: [] };
  const used = await Promise.all([namespace, ...copies].map((place) => secretUsers(api, place, signal)));
  const users = byComponent(
    used.flat().filter(({ secrets }) => secrets.has(name)),
    records,
    session,
    result,
  );
  const literal = session.resolved.components.filter(
    (component) =>
      [namespace, ...copies].includes(component.namespace) &&
      literalsOf(component).some((one) => one.secret === name),
  );
  for (const component of inOrder(session, [...users.keys(), ...literal.map((one) => one.name)])) {
    signal.throwIfAborted();
    const known = literal.find((one) => one.name === component);
    if (known !== undefined) {
      await upgradeLiteral(known, context);
      result.upgraded.push(component);
    }
    await rollComponent(component, users.get(component) ?? [], { name, id }, context, result);
  }
  await settleSecret(api, namespace, name);
  return result;
}

function namespacesOf({ identity, resolved }: Session): Set<string> {
  return new Set([identity.namespace, ...resolved.components.map((component) => component.namespace)]);
}

async function refreshCopies(
  session: Session,
  from: string,
  name: string,
  records: ReadonlyMap<string, InstallRecord>,
): Promise<string[]> {
  const { api, identity } = session;
  const places = new Set([...namespacesOf(session), ...[...records.values()].map((one) => one.namespace)]);
  places.delete(from);
  const copies: string[] = [];
  for (const place of places) {
    const found = (await ownSecrets(api, identity, place, { metadataOnly: true })).find(
      (one) => one.metadata.name === name && secretState(one).copyOf === from,
    );
    if (found === undefined) continue;
    await copySecret(api, identity, found.metadata.labels?.[COMPONENT] ?? '', name, from, place);
    copies.push(place);
  }
  return copies;
}

/** Sorts out what is of this project and can be rolled; the rest is noted in `result.left`. */
function byComponent(
  users: readonly SecretUser[],
  records: ReadonlyMap<string, InstallRecord>,
  { identity }: Session,
  result: RollResult,
): Map<string, KubeObject[]> {
  const owners = new Map(
    [...records.values()].flatMap(({ component, objects }) =>
      objects.map((ref) => [refKey(ref), component] as const),
    ),
  );
  const components = new Map<string, KubeObject[]>();
  for (const { object } of users) {
    const { labels, namespace = '', ownerReferences = [] } = object.metadata;
    const labelled = isOurs(labels, identity) ? labels?.[COMPONENT] : undefined;
    const component = owners.get(refKey(refOf(object))) ?? labelled;
    const maker = ownerReferences[0];
    const foreign =
      maker === undefined
        ? 'it was not made by this project: restart it yourself'
        : `${maker.kind}/${maker.name} made it, and has to replace it`;
    const reason = component === undefined ? foreign : whyNotRolled(object);
    if (reason !== undefined) result.left.push({ namespace, object: objectLabel(object), reason });
    else components.set(component!, [...(components.get(component!) ?? []), object]);
  }
  return components;
}

/** Providers first; what the flavour no longer names comes last. */
function inOrder({ resolved }: Session, names: readonly string[]): string[] {
  const order = resolved.components.map(({ name }) => name);
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...new Set(names)].sort((a, b) => place(a) - place(b));
}

/** The chart has the old value in its objects, and Helm in its history. */
async function upgradeLiteral(component: ResolvedComponent, context: InstallContext): Promise<void> {
  const { session, signal } = context;
  const { wanted } = await compareWithCluster(session, signal);
  const item = wanted.find((one) => one.component.name === component.name)!;
  if (item.assessment.state === 'absent') return;
  await installComponent(item, context);
  await trimHistory(session.api, component.namespace, component.release);
}

async function rollComponent(
  component: string,
  users: readonly KubeObject[],
  { name, id }: { name: string; id: string },
  { session, report, view, signal }: InstallContext,
  result: RollResult,
): Promise<void> {
  const since = new Date();
  const tell = (message: string, state: 'running' | 'done' | 'failed' = 'running') =>
    report({ type: 'step', component, phase: 'secrets', state, message });
  const labels = users.map(objectLabel).join(', ');
  if (users.length > 0) tell(`restarting ${labels}`);
  const rolled: Array<{ before: KubeObject; after: KubeObject }> = [];
  for (const before of users) {
    if (isRolledFor(before, name, id)) continue;
    // An upgrade may have changed it since it was listed.
    const now = await session.api.get<KubeObject>(await pathOf(session.api, refOf(before)));
    rolled.push({ before: now, after: await roll(session.api, before, name, id) });
  }
  await noteMarks(session, component, rolled);
  const known = session.resolved.components.find((one) => one.name === component);
  const watched =
    known === undefined
      ? undefined
      : { api: session.api, view, namespace: known.namespace, release: known.release, since };
  try {
    await untilReady(session, users, (known?.timeout ?? DEFAULT_TIMEOUT) * 1000, signal, tell, async () =>
      watched === undefined ? [] : await findings(watched),
    );
  } catch (error) {
    tell(errorMessage(error), 'failed');
    throw error;
  }
  for (const { metadata, kind } of users)
    result.restarted.push({
      component,
      namespace: metadata.namespace ?? '',
      object: `${kind}/${metadata.name}`,
    });
  tell(users.length === 0 ? 'took the new value' : `restarted ${labels}`, 'done');
}

/** The next `up` must not take our own change for somebody else's. */
async function noteMarks(
  { api, identity }: Session,
  component: string,
  rolled: ReadonlyArray<{ before: KubeObject; after: KubeObject }>,
): Promise<void> {
  if (rolled.length === 0) return;
  const namespaces = rolled.map(({ after }) => after.metadata.namespace ?? '');
  const record = (await readRecords(api, identity, [identity.namespace, ...namespaces])).get(component);
  if (record === undefined) return;
  for (const { before, after } of rolled) {
    const entry = record.objects.find((ref) => refKey(ref) === refKey(refOf(after)));
    if (entry?.mark === markOf(before)) entry.mark = markOf(after);
  }
  await writeRecord(api, identity, record);
}

async function untilReady(
  { api }: Session,
  users: readonly KubeObject[],
  timeout: number,
  signal: AbortSignal,
  tell: (message: string) => void,
  why: () => ReturnType<typeof findings>,
): Promise<void> {
  const begun = Date.now();
  const paths = await Promise.all(users.map((user) => pathOf(api, refOf(user))));
  for (;;) {
    const now = await Promise.all(paths.map((path) => api.get<KubeObject>(path, { signal })));
    const [waiting] = now
      .map((object) => ({ object, state: readiness(object) }))
      .filter(({ state }) => !state.ready);
    if (waiting === undefined) return;
    const label = objectLabel(waiting.object);
    tell(`${label}: ${waiting.state.message}`);
    const fatal =
      Date.now() - begun > PATIENCE ? (await why().catch(() => [])).filter(({ healing }) => !healing) : [];
    const late = Date.now() - begun > timeout;
    if (waiting.state.failed || fatal.length > 0 || late) {
      const because = fatal.map(({ object, message }) => `${object}: ${message}`).join('; ');
      throw new DatamillError(
        'ROLL_FAILED',
        `${label} does not become ready with the new value: ${because || waiting.state.message}`,
        { hint: 'run the command again when that is mended: it goes on where it stopped' },
      );
    }
    await sleep(POLL_EVERY, undefined, { signal });
  }
}
