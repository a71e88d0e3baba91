import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { diagnose } from '../kube/diagnose.ts';
import { fields, items, text } from '../kube/fields.ts';
import { list, listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause } from '../util/abort.ts';
import type { Belonging } from './objects.ts';
import { SESSION, TUNNEL } from './labels.ts';

/** Milliseconds between looks: soon at first, when a pod starts within a second or three. */
const SOON = 200;
const LATER = 1000;
/** Without any pod for so long, somebody may have deleted what makes it. */
const MISSED_AFTER = 5000;

export interface PodWait {
  signal: AbortSignal;
  /** Milliseconds after which the cluster is asked what is wrong; undefined: as long as it takes. */
  patience?: number;
  /** Called when there is no pod, nor any sign of one. */
  onMissing(): Promise<void>;
}

/**
 * Waits for the pod of this run, whatever its name is by now.
 *
 * @throws {DatamillError} TUNNEL_POD when it cannot start, in the words of the cluster.
 */
export async function runningPod(api: Api, of: Belonging, wait: PodWait): Promise<string> {
  const { name, namespace } = of.spec;
  const labels = `${TUNNEL}=${name},${SESSION}=${of.labels[SESSION]}`;
  const began = Date.now();
  let missedSince = began;
  for (;;) {
    const pods = await list(
      api,
      { apiVersion: 'v1', kind: 'Pod', namespace },
      { labels, signal: wait.signal },
    );
    const running = pods.find(isRunning);
    if (running !== undefined) return running.metadata.name;
    const waited = Date.now() - began;
    if (wait.patience !== undefined) await giveUpWhenHopeless(api, of, pods, began, waited > wait.patience);
    if (pods.length > 0) missedSince = Date.now();
    else if (Date.now() - missedSince > MISSED_AFTER) {
      await wait.onMissing();
      missedSince = Date.now();
    }
    await pause(waited < 10_000 ? SOON : LATER, wait.signal);
  }
}

function isRunning({ metadata, status }: KubeObject): boolean {
  const [container] = items(status?.containerStatuses);
  return metadata.deletionTimestamp === undefined && fields(container?.state).running !== undefined;
}

/** Looked at only when something seems wrong: an image that does not come, a pod that is not made. */
async function giveUpWhenHopeless(
  api: Api,
  { spec }: Belonging,
  pods: KubeObject[],
  since: number,
  late: boolean,
): Promise<void> {
  const stuck = pods.some(({ status }) =>
    items(status?.containerStatuses).some((one) =>
      /Err|BackOff|Invalid/.test(text(fields(fields(one.state).waiting).reason)),
    ),
  );
  const none = pods.length === 0 && Date.now() - since > 2000;
  if (!stuck && !late && !none) return;
  const { name, namespace } = spec;
  const [events, [deployment]] = await Promise.all([
    listIfAllowed(api, { apiVersion: 'v1', kind: 'Event', namespace }),
    list(api, { apiVersion: 'apps/v1', kind: 'Deployment', namespace }, { fields: `metadata.name=${name}` }),
  ]);
  const findings = diagnose({
    objects: deployment === undefined ? [] : [deployment],
    pods,
    jobs: [],
    claims: [],
    events: events ?? [],
    since: new Date(since),
  });
  const worst = findings.find(({ healing }) => !healing) ?? (late ? findings[0] : undefined);
  if (worst === undefined && !late) return;
  const image = /image|pull/i.test(`${worst?.reason} ${worst?.message}`);
  throw new DatamillError(
    'TUNNEL_POD',
    `the pod of the tunnel does not start: ${worst?.message ?? 'the cluster does not say why'}`,
    {
      hint: image
        ? `the cluster cannot get ${spec.image}: name one that it can get with --image (any image with OpenSSH, or datamill for our own runtime image)`
        : `\`kubectl -n ${namespace} describe pods -l ${TUNNEL}=${name}\` says more while the tunnel is being made`,
    },
  );
}
