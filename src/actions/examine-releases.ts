import { examineLock } from '../doctor/lock.ts';
import { type Observation, ok, unknown, warning, wrong } from '../doctor/observation.ts';
import type { Finding } from '../kube/diagnose.ts';
import { ClusterView, findings } from './monitor.ts';
import type { Session } from './session.ts';
import { compareWithCluster, type Wanted } from './wanted.ts';

/** How the releases of the flavour are, and whether a run holds them or left them behind. */
export async function examineReleases(
  session: Session,
  signal?: AbortSignal,
): Promise<{ releases: Observation[]; installed: boolean; wanted: Wanted[] }> {
  const [{ wanted }, { busy, found }] = await Promise.all([
    compareWithCluster(session, signal),
    examineLock(session.api, session.identity.namespace, signal),
  ]);
  const installed = wanted.every(({ assessment: { state, ready } }) => state === 'deployed' && ready);
  return { releases: [...found, ...wanted.map((one) => examineRelease(one, busy))], installed, wanted };
}

function examineRelease({ component, assessment }: Wanted, busy: boolean): Observation {
  const { name, release, namespace } = component;
  const { state, message, ready } = assessment;
  const where = `release ${namespace}/${release}`;
  switch (state) {
    case 'absent':
      return ok(`${name} is not installed yet`);
    case 'outdated':
      return ok(`${name}: ${message}`, { where, remedy: '`datamill plan` says what would change' });
    case 'deployed':
      return ready
        ? ok(`${name} is installed`, { where })
        : warning(`${name} is installed and not ready: ${message}`, { where });
    case 'drifted':
      return warning(`${name} differs from what was installed: ${message}`, {
        where,
        remedy: '`datamill up` puts it right',
      });
    case 'pending':
      return busy
        ? ok(`${name} is being worked on: ${message.split(':')[0]}`, { where })
        : wrong(`${name} is stuck: ${message}`, { where, remedy: '`datamill up` repairs it and goes on' });
    case 'foreign':
      return wrong(`${name}: ${message}`, {
        where,
        remedy: `give it another name (\`${name}: { release: … }\`), or take it over with \`datamill up --adopt\``,
      });
    default:
      return wrong(`${name}: ${message}`, {
        where,
        remedy: '`datamill up` tries again, and says why it fails',
      });
  }
}

/** What is wrong with the pods, claims and workloads of the releases that are there. */
export async function examinePods(session: Session, wanted: readonly Wanted[]): Promise<Observation[]> {
  const { api } = session;
  const view = new ClusterView(api);
  const there = wanted.filter(({ assessment: { revision } }) => revision !== undefined);
  const found = await Promise.all(
    there.map(async ({ component: { name, namespace, release } }) => {
      // Of all time: whatever is wrong now matters, however long it has been so.
      const all = await findings({ api, view, namespace, release, since: new Date(0) });
      return all.map((finding) => observe(name, namespace, finding));
    }),
  );
  const observations = found.flat();
  if (observations.length > 0 || there.length === 0) return observations;
  if (session.handle.simulated) return [unknown('whether the pods work: they are simulated')];
  return [ok(`nothing is wrong with the pods of ${there.map(({ component }) => component.name).join(', ')}`)];
}

function observe(
  component: string,
  namespace: string,
  { object, reason, message, healing }: Finding,
): Observation {
  const judge = healing ? warning : wrong;
  return judge(`${component}: ${reason}: ${message}`, {
    where: `${namespace}, ${object}`,
    remedy: `\`kubectl -n ${namespace} describe ${object.toLowerCase()}\``,
  });
}
