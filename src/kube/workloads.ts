import { condition, conditions, count, fields, text } from './fields.ts';
import type { Readiness, ReadinessRule } from './ready.ts';
import type { KubeObject } from './types.ts';

/** Readiness of the kinds that keep a number of pods. */
export const workloadRules: Record<string, ReadinessRule> = {
  'apps/Deployment': deployment,
  'apps/StatefulSet': statefulSet,
  'apps/DaemonSet': daemonSet,
  'apps/ReplicaSet': replicaSet,
};

function deployment(object: KubeObject): Readiness {
  const late = conditions(object).find((one) => one.reason === 'ProgressDeadlineExceeded');
  if (late !== undefined) {
    return { ready: false, failed: true, message: late.message || 'made no progress before its deadline' };
  }
  const status = fields(object.status);
  const wanted = count(object.spec?.replicas, 1);
  const updated = count(status.updatedReplicas);
  const ready = count(status.readyReplicas);
  if (updated < wanted) return short(updated, wanted, updated === ready ? 'ready' : 'updated');
  if (count(status.replicas) > wanted) return old(count(status.replicas) - wanted);
  if (ready < wanted) return short(ready, wanted, 'ready');
  if (count(status.availableReplicas) < updated)
    return short(count(status.availableReplicas), updated, 'available');
  // Not kstatus' "Progressing must say NewReplicaSetAvailable": healthy Deployments keep other reasons for minutes.
  if (wanted > 0 && condition(object, 'Available')?.status === 'False')
    return { ready: false, message: 'not available' };
  return full(ready, wanted);
}

function statefulSet(object: KubeObject): Readiness {
  const status = fields(object.status);
  const wanted = count(object.spec?.replicas, 1);
  const ready = count(status.readyReplicas);
  if (ready < wanted) return short(ready, wanted, 'ready');
  if (count(status.replicas) > wanted) return old(count(status.replicas) - wanted);
  const strategy = fields(object.spec?.updateStrategy);
  // Pods of an OnDelete set are replaced when somebody deletes them: nothing to wait for.
  if (text(strategy.type) === 'OnDelete') return full(ready, wanted);
  const partition = count(fields(strategy.rollingUpdate).partition);
  const updated = count(status.updatedReplicas);
  if (partition > 0) {
    const share = Math.max(wanted - partition, 0);
    return updated < share ? short(updated, share, 'updated') : full(ready, wanted);
  }
  const revision = text(status.updateRevision);
  if (revision !== '' && revision !== text(status.currentRevision)) return short(updated, wanted, 'updated');
  return full(ready, wanted);
}

function daemonSet(object: KubeObject): Readiness {
  const status = fields(object.status);
  if (status.desiredNumberScheduled === undefined) {
    return { ready: false, message: 'its controller has not counted the nodes yet' };
  }
  const wanted = count(status.desiredNumberScheduled);
  const onDelete = text(fields(object.spec?.updateStrategy).type) === 'OnDelete';
  const updated = count(status.updatedNumberScheduled);
  const ready = count(status.numberReady);
  if (count(status.currentNumberScheduled) < wanted) {
    return short(count(status.currentNumberScheduled), wanted, 'scheduled', 'pods');
  }
  if (!onDelete && updated < wanted) return short(updated, wanted, 'updated', 'pods');
  if (ready < wanted) return short(ready, wanted, 'ready', 'pods');
  if (count(status.numberAvailable) < wanted)
    return short(count(status.numberAvailable), wanted, 'available', 'pods');
  return full(ready, wanted, 'pods');
}

function replicaSet(object: KubeObject): Readiness {
  const failure = conditions(object).find((one) => one.type === 'ReplicaFailure' && one.status === 'True');
  if (failure !== undefined) return { ready: false, message: failure.message || failure.reason };
  const status = fields(object.status);
  const wanted = count(object.spec?.replicas, 1);
  if (count(status.readyReplicas) < wanted) return short(count(status.readyReplicas), wanted, 'ready');
  if (count(status.availableReplicas) < wanted)
    return short(count(status.availableReplicas), wanted, 'available');
  if (count(status.replicas) > wanted) return old(count(status.replicas) - wanted);
  return full(count(status.readyReplicas), wanted);
}

function short(have: number, wanted: number, verb: string, noun = 'replicas'): Readiness {
  return { ready: false, message: `${have} of ${wanted} ${noun} ${verb}` };
}

function old(number: number): Readiness {
  return { ready: false, message: `${number} old ${number === 1 ? 'pod is' : 'pods are'} still there` };
}

function full(have: number, wanted: number, noun = 'replicas'): Readiness {
  return {
    ready: true,
    message: wanted === 0 ? `scaled to 0 ${noun}` : `${have} of ${wanted} ${noun} ready`,
  };
}
