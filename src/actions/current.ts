import { condition, conditions, fields, items, text } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';

const REVISION = 'deployment.kubernetes.io/revision';
/** Creation times are whole seconds, and clocks differ a little. */
const LEEWAY = 2000;
/** A controller that gave up before tries again in its own time: for this long its old word does not count. */
const RETRY_GRACE = 30_000;

export interface Workings {
  /** What the release declares, as it is in the cluster. */
  objects: KubeObject[];
  pods: KubeObject[];
  /** ReplicaSets; undefined where they may not be listed. */
  sets?: KubeObject[];
  jobs: KubeObject[];
  claims: KubeObject[];
  events: KubeObject[];
}

/**
 * Leaves out what an earlier revision left behind: it is about to go, so that it is broken must
 * not fail the upgrade that mends it.
 *
 * @param since when the present run began.
 * @param settled false while helm may not have applied everything yet: what is older than the run
 *   is then taken for old, whatever it says.
 * @returns also the ReplicaSets that could not make their pods before, and should try again.
 */
export function currentOnly(
  { objects, pods, sets, jobs, claims, events }: Workings,
  since: Date,
  settled: boolean,
): Workings & { failedBefore: KubeObject[] } {
  const declared = new Map(objects.map((object) => [nameOf(object), object]));
  const isOld = (object: KubeObject) => createdBefore(object, since);
  const currentSets = (sets ?? []).filter((set) => isCurrentSet(set, declared));
  const old = [
    ...(sets ?? []).filter((set) => !currentSets.includes(set) || (!settled && isOld(set))),
    ...pods.filter((pod) => !settled && isOld(pod)),
    ...jobs.filter((job) => !declared.has(nameOf(job)) && isOld(job)),
  ];
  const gone = new Set(old.map(nameOf));
  const stays = (object: KubeObject) =>
    !gone.has(nameOf(object)) && !object.metadata.ownerReferences?.some((owner) => gone.has(named(owner)));
  const current = { pods: pods.filter(stays), sets: sets?.filter(stays), jobs: jobs.filter(stays) };
  const mounted = new Set(current.pods.flatMap(claimsOf));
  return {
    objects: objects.map((object) => withoutOldFailure(object, since)),
    pods: current.pods,
    sets: current.sets?.map((set) => withoutOldFailure(set, since)),
    jobs: current.jobs,
    claims: claims.filter((claim) => declared.has(nameOf(claim)) || mounted.has(claim.metadata.name)),
    events: events.filter(({ involvedObject }) => !gone.has(named(fields(involvedObject)))),
    failedBefore: currentSets.filter((set) => failedBefore(set, since)),
  };
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
}

function named({ kind, name }: { kind?: unknown; name?: unknown }): string {
  return `${text(kind)}/${text(name)}`;
}

/** The ReplicaSet of the template that the Deployment has now, once its controller has seen it. */
function isCurrentSet(set: KubeObject, declared: ReadonlyMap<string, KubeObject>): boolean {
  const owner = set.metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment');
  const deployment = owner === undefined ? undefined : declared.get(named(owner));
  if (deployment === undefined) return true;
  const seen = Number(deployment.status?.observedGeneration ?? 0);
  if (seen < (deployment.metadata.generation ?? 0)) return false;
  return set.metadata.annotations?.[REVISION] === deployment.metadata.annotations?.[REVISION];
}

function createdBefore({ metadata }: KubeObject, since: Date): boolean {
  return Date.parse(metadata.creationTimestamp ?? '') < since.getTime() - LEEWAY;
}

function claimsOf(pod: KubeObject): string[] {
  return items(pod.spec?.volumes).map((volume) => text(fields(volume.persistentVolumeClaim).claimName));
}

function failedBefore(object: KubeObject, since: Date): boolean {
  const failure = condition(object, 'ReplicaFailure');
  return Date.parse(failure?.lastTransitionTime ?? '') < since.getTime() - LEEWAY;
}

function withoutOldFailure(object: KubeObject, since: Date): KubeObject {
  if (!failedBefore(object, since) || Date.now() - since.getTime() > RETRY_GRACE) return object;
  const rest = conditions(object).filter(({ type }) => type !== 'ReplicaFailure');
  return { ...object, status: { ...object.status, conditions: rest } };
}
