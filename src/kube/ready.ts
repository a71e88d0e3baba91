import { type Condition, condition, conditions, count, fields, groupKind, items, text } from './fields.ts';
import type { KubeObject } from './types.ts';
import { workloadRules } from './workloads.ts';

export interface Readiness {
  ready: boolean;
  /** The controller itself gave up; waiting longer is of no use unless something else changes. */
  failed?: boolean;
  message: string;
}

export type ReadinessRule = (object: KubeObject) => Readiness;

const rules: Record<string, ReadinessRule> = {
  ...workloadRules,
  Pod: pod,
  PersistentVolumeClaim: claim,
  Service: service,
  Namespace: namespace,
  'batch/Job': job,
  'apiextensions.k8s.io/CustomResourceDefinition': definition,
  'apiregistration.k8s.io/APIService': (object) => byCondition(condition(object, 'Available')),
};

/**
 * Whether an object has become what its spec asks for, by the rules of kstatus
 * (sigs.k8s.io/cli-utils, pkg/kstatus), which Helm 4 waits with. For showing progress and for
 * "is everything still there": a running Job is not ready until it is complete.
 */
export function readiness(object: KubeObject): Readiness {
  if (object.metadata.deletionTimestamp !== undefined) return waiting('being deleted');
  const observed = object.status?.observedGeneration;
  const generation = object.metadata.generation;
  if (typeof observed === 'number' && generation !== undefined && observed < generation) {
    return waiting('its controller has not seen the change yet');
  }
  const rule = rules[groupKind(object)];
  return rule === undefined ? generic(object) : rule(object);
}

/** Custom resources by convention: Stalled and Reconciling, then Ready; without any of them, being there is enough. */
function generic(object: KubeObject): Readiness {
  const all = conditions(object);
  const stalled = all.find((one) => one.type === 'Stalled' && one.status === 'True');
  if (stalled !== undefined) return { ready: false, failed: true, message: words(stalled, 'stalled') };
  const reconciling = all.find((one) => one.type === 'Reconciling' && one.status === 'True');
  if (reconciling !== undefined) return waiting(words(reconciling, 'being reconciled'));
  const ready = all.find((one) => one.type === 'Ready');
  return ready === undefined ? done('there') : byCondition(ready);
}

function byCondition(found: Condition | undefined): Readiness {
  if (found === undefined) return waiting('no condition reported yet');
  return found.status === 'True' ? done('ready') : waiting(words(found, 'not ready'));
}

function pod(object: KubeObject): Readiness {
  const phase = text(object.status?.phase);
  if (phase === 'Succeeded') return done('completed');
  if (phase === 'Failed') {
    const why = text(object.status?.message) || text(object.status?.reason);
    return { ready: false, failed: true, message: why === '' ? 'failed' : `failed: ${why}` };
  }
  if (condition(object, 'Ready')?.status === 'True') return done('ready');
  const scheduled = condition(object, 'PodScheduled');
  if (scheduled?.status === 'False') return waiting(words(scheduled, 'not scheduled'));
  const statuses = items(object.status?.containerStatuses);
  const stuck = statuses
    .map((status) => text(fields(fields(status.state).waiting).reason))
    .find((one) => one !== '');
  if (stuck !== undefined) return waiting(stuck);
  const ready = statuses.filter((status) => status.ready === true).length;
  return waiting(statuses.length === 0 ? 'pending' : `${ready} of ${statuses.length} containers ready`);
}

function claim(object: KubeObject): Readiness {
  const phase = text(object.status?.phase);
  if (phase === 'Bound') return done('bound');
  if (phase === 'Lost') return { ready: false, failed: true, message: 'its volume is lost' };
  return waiting('no volume bound yet');
}

function service(object: KubeObject): Readiness {
  if (text(object.spec?.type) !== 'LoadBalancer') return done('there');
  const ingress = items(fields(object.status?.loadBalancer).ingress);
  return ingress.length > 0 ? done('has an address') : waiting('no load balancer address yet');
}

function namespace(object: KubeObject): Readiness {
  return text(object.status?.phase) === 'Terminating' ? waiting('being deleted') : done('active');
}

function job(object: KubeObject): Readiness {
  const failed = conditions(object).find((one) => one.type === 'Failed' && one.status === 'True');
  if (failed !== undefined) return { ready: false, failed: true, message: words(failed, 'failed') };
  if (condition(object, 'Complete')?.status === 'True') return done('complete');
  if (condition(object, 'Suspended')?.status === 'True') return done('suspended');
  const wanted = count(object.spec?.completions, 1);
  const { succeeded, active, failed: lost } = fields(object.status);
  const parts = [`${count(succeeded)} of ${wanted} completed`];
  if (count(active) > 0) parts.push(`${count(active)} running`);
  if (count(lost) > 0) parts.push(`${count(lost)} failed`);
  return waiting(parts.join(', '));
}

function definition(object: KubeObject): Readiness {
  const names = condition(object, 'NamesAccepted');
  if (names?.status === 'False')
    return { ready: false, failed: true, message: words(names, 'names not accepted') };
  return condition(object, 'Established')?.status === 'True'
    ? done('established')
    : waiting('not established yet');
}

function words(found: Condition, otherwise: string): string {
  return found.message || found.reason || otherwise;
}

function done(message: string): Readiness {
  return { ready: true, message };
}

function waiting(message: string): Readiness {
  return { ready: false, message };
}
