import semver from 'semver';
import { condition } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { expiry } from './certificates.ts';
import { type Observation, ok, unknown, warning, wrong } from './observation.ts';
import type { Greeting } from './server.ts';

/** Milliseconds. */
const SLOW = 500;
const SKEW = 30_000;
const BAD_SKEW = 300_000;

/** Whether the API server answers well, and its clock and certificate. */
export function examineServer(
  server: string,
  kubernetes: string,
  greeting: Greeting | undefined,
): Observation[] {
  if (greeting === undefined)
    return [
      ok(`answers: Kubernetes ${kubernetes}`, { where: server }),
      unknown('its clock and its certificate: only a proxy leads to it'),
    ];
  const { latency, clockSkew, certificate } = greeting;
  const time = `${latency.toFixed(latency < 10 ? 1 : 0)} ms`;
  const answer = `answers in ${time}: Kubernetes ${kubernetes}`;
  const found = [
    latency > SLOW
      ? warning(`${answer}, which is slow`, {
          where: server,
          remedy: 'expect waits of minutes; a machine closer to the cluster does better',
        })
      : ok(answer, { where: server }),
  ];
  if (clockSkew !== undefined) found.push(examineClock(clockSkew));
  const ending =
    certificate === undefined
      ? undefined
      : expiry('the certificate of the API server', certificate, {
          where: server,
          remedy: 'whoever runs the cluster renews it; with kubeadm: `kubeadm certs renew apiserver`',
        });
  if (ending !== undefined) found.push(ending);
  else if (certificate !== undefined)
    found.push(
      ok(
        `the certificate of the API server is valid until ${new Date(certificate.until).toISOString().slice(0, 10)}`,
      ),
    );
  return found;
}

function examineClock(skew: number): Observation {
  const seconds = Math.round(Math.abs(skew) / 1000);
  const what = `the clock of the API server is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} the one of this machine`;
  if (Math.abs(skew) < SKEW) return ok('the clocks of the API server and of this machine agree');
  const judge = Math.abs(skew) < BAD_SKEW ? warning : wrong;
  return judge(what, {
    remedy:
      'set the clock that is wrong, for good with `timedatectl set-ntp true`: tokens and certificates go by it',
  });
}

/** What each component requires of the cluster's version. */
export function examineVersion(components: readonly ResolvedComponent[], kubernetes: string): Observation[] {
  const version = semver.coerce(kubernetes);
  if (version === null) return [unknown(`whether the components work with Kubernetes ${kubernetes}`)];
  const wrongs = components.flatMap(({ name, spec: { requires } }) =>
    requires.kubernetes === undefined || semver.satisfies(version, requires.kubernetes)
      ? []
      : [
          wrong(`${name} requires Kubernetes ${requires.kubernetes}`, {
            remedy: 'choose another target, or leave the component out',
          }),
        ],
  );
  return wrongs.length > 0
    ? wrongs
    : [ok(`the components of the flavour work with Kubernetes ${kubernetes}`)];
}

/**
 * Whether a program was made for such a version of Kubernetes.
 *
 * @param client the version that it was made for
 * @param older how many minor versions older the cluster may be
 * @param newer how many newer
 */
export function examineSkew(
  name: string,
  client: string,
  kubernetes: string,
  older: number,
  newer: number,
): Observation | undefined {
  const made = semver.coerce(client);
  const there = semver.coerce(kubernetes);
  if (made === null || there === null) return undefined;
  const distance = there.minor - made.minor;
  const range = `1.${made.minor - older} to 1.${made.minor + newer}`;
  if (made.major === there.major && distance >= -older && distance <= newer)
    return ok(`${name} is made for Kubernetes ${range}`);
  return warning(`${name} is made for Kubernetes ${range}, and the cluster is ${kubernetes}`, {
    remedy: `name another ${name} with DATAMILL_${name.toUpperCase()}, or see \`datamill tools list\``,
  });
}

const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];

/** Nodes that take no pods, or soon will not. */
export function examineNodes(nodes: readonly KubeObject[] | undefined): Observation[] {
  if (nodes === undefined) return [unknown('the nodes: this user may not list them')];
  const named = (test: (node: KubeObject) => boolean) =>
    nodes.filter(test).map(({ metadata }) => metadata.name);
  const lost = named((node) => condition(node, 'Ready')?.status !== 'True');
  const cordoned = named(({ spec }) => spec?.unschedulable === true);
  const pressed = nodes.flatMap((node) =>
    PRESSURES.filter((type) => condition(node, type)?.status === 'True').map((type) =>
      warning(`node ${node.metadata.name} says ${type}: ${condition(node, type)!.message}`, {
        remedy: `\`kubectl describe node ${node.metadata.name}\``,
      }),
    ),
  );
  const found: Observation[] = [];
  if (nodes.length === 0 || lost.length === nodes.length)
    found.push(wrong('no node is ready: no pod can run', { remedy: '`kubectl describe nodes` says why' }));
  else if (lost.length > 0)
    found.push(warning(`not ready: ${lost.join(', ')}`, { remedy: `\`kubectl describe node ${lost[0]}\`` }));
  if (cordoned.length > 0)
    found.push(
      warning(`cordoned, and so closed to new pods: ${cordoned.join(', ')}`, {
        remedy: `\`kubectl uncordon ${cordoned[0]}\``,
      }),
    );
  found.push(...pressed);
  if (found.length === 0)
    found.push(ok(`${nodes.length} ${nodes.length === 1 ? 'node is' : 'nodes are'} ready`));
  return found;
}
