import { condition, millis, objectLabel, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';
import { type Case, type Finding, fatal, pending } from './finding.ts';

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

/** A volume made by hand for a class that is no object binds within this time. */
const bindingGrace = 5_000;

/** A provisioner that starts, or a quota that is being raised, has come right by then. */
const provisioningRetries = 3;
const provisioningGrace = 20_000;

/** Why a claim has no volume; undefined when it has one, or only waits for its first pod. */
export function diagnoseClaim(claim: KubeObject, at: Case): Finding | undefined {
  const phase = text(claim.status?.phase);
  const object = objectLabel(claim);
  if (phase === 'Lost') return fatal(object, 'Lost', `its volume ${text(claim.spec?.volumeName)} is gone`);
  if (phase === 'Bound') return resizing(claim);
  const missing = missingClass(claim, at);
  if (missing !== undefined) return missing;
  const failed = failedProvisioning(claim, at);
  if (failed !== undefined) return failed;
  const newest = at.events.of(claim)[0];
  if (newest === undefined)
    return waitsForPod(claim, at) ? undefined : pending(object, 'Pending', 'no volume bound yet');
  if (newest.reason === 'WaitForFirstConsumer' || newest.reason === 'WaitForPodScheduled') return undefined;
  return pending(object, newest.reason, newest.message);
}

function missingClass(claim: KubeObject, at: Case): Finding | undefined {
  const classes = at.snapshot.storageClasses;
  // With volumeName the claim is for one volume that somebody made; '' asks for volumes without a class.
  if (classes === undefined || text(claim.spec?.volumeName) !== '') return undefined;
  const created = millis(claim.metadata.creationTimestamp);
  if (created !== undefined && at.now - created < bindingGrace) return undefined;
  const names = classes.map((one) => one.metadata.name).sort();
  const there =
    names.length === 0
      ? 'the cluster has none'
      : `there ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}`;
  const wanted = claim.spec?.storageClassName;
  if (typeof wanted === 'string' && wanted !== '' && !names.includes(wanted)) {
    return fatal(
      objectLabel(claim),
      'StorageClassNotFound',
      `storage class "${wanted}" does not exist; ${there}`,
    );
  }
  const hasDefault = classes.some((one) => one.metadata.annotations?.[defaultClass] === 'true');
  if (typeof wanted !== 'string' && !hasDefault) {
    return fatal(
      objectLabel(claim),
      'NoStorageClass',
      `names no storage class and the cluster has no default one; ${there}`,
    );
  }
  return undefined;
}

/** Provisioners try again after 1, 2, 4, ... seconds: what still fails then needs somebody to mend it. */
function failedProvisioning(claim: KubeObject, at: Case): Finding | undefined {
  const failures = at.events.of(claim, 'ProvisioningFailed');
  const [newest] = failures;
  if (newest === undefined) return undefined;
  const tried = failures.reduce((sum, event) => sum + event.count, 0);
  const first = Math.min(...failures.flatMap((event) => event.first ?? at.now));
  const waited = at.now - first;
  // The controller manager's words; who may not list classes learns of a missing one from them.
  const noClass = /storageclass\.storage\.k8s\.io .* not found/i.test(newest.message);
  const lost = noClass ? waited > bindingGrace : tried >= provisioningRetries && waited > provisioningGrace;
  const judge = lost ? fatal : pending;
  const again = lost && tried > 1 ? ` (tried ${tried} times)` : '';
  return judge(objectLabel(claim), newest.reason, `${newest.message}${again}`);
}

function waitsForPod(claim: KubeObject, at: Case): boolean {
  const wanted = claim.spec?.storageClassName;
  const found = at.snapshot.storageClasses?.find((one) => one.metadata.name === wanted);
  return found?.volumeBindingMode === 'WaitForFirstConsumer';
}

function resizing(claim: KubeObject): Finding | undefined {
  const failed = condition(claim, 'ControllerResizeError') ?? condition(claim, 'NodeResizeError');
  return failed?.status === 'True' ? pending(objectLabel(claim), failed.type, failed.message) : undefined;
}
