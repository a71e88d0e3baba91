import { fields, items, text } from '../kube/fields.ts';
import { installedComponents, podsOfComponents } from './pods.ts';
import { type ActionOptions, openSession } from './session.ts';

/** An image that containers of the flavour run now. */
export interface RunningImage {
  image: string;
  /** `sha256:…`; empty where the node does not tell. */
  digest: string;
  pods: number;
  components: string[];
}

/** The images of every running pod of the flavour; tags may stand for several digests. */
export async function runningImages(options: ActionOptions): Promise<RunningImage[]> {
  const { signal } = options;
  const session = await openSession(options, 'connect');
  try {
    const installed = await installedComponents(session, signal);
    const found = new Map<string, RunningImage & { names: Set<string | undefined> }>();
    for (const { component, pod } of await podsOfComponents(session, installed, signal)) {
      for (const status of [
        ...items(pod.status?.initContainerStatuses),
        ...items(pod.status?.containerStatuses),
      ]) {
        if (fields(status.state).running === undefined) continue;
        const image = text(status.image);
        const digest = /sha256:[0-9a-f]{64}/.exec(text(status.imageID))?.[0] ?? '';
        const key = `${image} ${digest}`;
        const one = found.get(key) ?? { image, digest, pods: 0, components: [], names: new Set() };
        found.set(key, one);
        one.names.add(pod.metadata.uid);
        one.pods = one.names.size;
        if (!one.components.includes(component.name)) one.components.push(component.name);
      }
    }
    return [...found.values()]
      .map(({ image, digest, pods, components }) => ({ image, digest, pods, components: components.sort() }))
      .sort((a, b) => a.image.localeCompare(b.image) || a.digest.localeCompare(b.digest));
  } finally {
    session.close();
  }
}
