import { demandsOf } from '../doctor/demand.ts';
import { examineCapacity } from '../doctor/capacity.ts';
import { examineNodes, examineSkew } from '../doctor/cluster.ts';
import { type Kind, certainKinds } from '../doctor/kinds.ts';
import { podsOfComponents } from '../doctor/leaving.ts';
import { type NamespaceState, namespaceState, terminatingWords } from '../doctor/namespaces.ts';
import { type Observation, ok, unknown, warning, wrong } from '../doctor/observation.ts';
import { rightsFor } from '../doctor/rights.ts';
import { roomOf } from '../doctor/room.ts';
import { growsByItself } from '../doctor/scaling.ts';
import { examineCertificates, TLS_SECRETS } from '../doctor/secrets.ts';
import { claimsIn, missingClasses } from '../doctor/storage.ts';
import { examineStorage } from '../doctor/volumes.ts';
import { DatamillError, errorMessage } from '../errors.ts';
import { reviewRights, type Right, rightsWords } from '../kube/access.ts';
import { listIfAllowed } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import { findTool } from '../tools/index.ts';
import { limiter } from '../util/limit.ts';
import type { DoctorGroup, GroupName } from './doctor.ts';
import { examinePods, examineReleases } from './examine-releases.ts';
import type { Session } from './session.ts';
import {
  promisedResources,
  type Recorded,
  recordedComponents,
  renderedObjects,
  runningPods,
  undertaking,
} from './survey.ts';

/** What the cluster has to say. */
export interface Examination {
  groups: DoctorGroup[];
  /** About the flavour: what cannot be rendered. */
  flavour?: Observation[];
  installed: boolean;
  missingRights: Right[];
}

/** A component with the objects that it will have. */
interface Rendered extends Recorded {
  /** Undefined when it could not be rendered. */
  objects?: KubeObject[];
}

const RENDERS = 4;

/** All that can only be learnt from the cluster; each look on its own, so that one that fails stops no other. */
export async function examineInCluster(session: Session, signal?: AbortSignal): Promise<Examination> {
  const { api, identity, resolved } = session;
  const names = [...new Set([identity.namespace, ...resolved.components.map(({ namespace }) => namespace)])];
  const flavour: Observation[] = [];
  /** What is not known is done without, but an interrupt ends the looking. */
  const otherwise =
    <T>(value: T) =>
    () => {
      signal?.throwIfAborted();
      return value;
    };
  const look = async (name: GroupName, looking: () => Promise<Observation[]>): Promise<DoctorGroup> => {
    try {
      return { name, findings: await looking() };
    } catch (error) {
      signal?.throwIfAborted();
      return { name, findings: [unknown(`could not be looked at: ${errorMessage(error)}`)] };
    }
  };
  const [spaces, rendered, nodes] = await Promise.all([
    Promise.all(
      names.map((name) =>
        namespaceState(api, name, signal).catch(
          otherwise<NamespaceState>({ name, state: 'hidden', blockedBy: [] }),
        ),
      ),
    ),
    renderAll(session, flavour, signal),
    listIfAllowed(api, { apiVersion: 'v1', kind: 'Node' }, { signal }).catch(otherwise(undefined)),
  ]);
  const releases = examineReleases(session, signal);
  let missingRights: Right[] = [];
  let installed = false;
  const groups = await Promise.all([
    look('cluster', async () => [...examineNodes(nodes), ...(await examineSkews(session))]),
    look('namespaces', async () => spaces.map(examineNamespace)),
    look('rights', async () => {
      const { missing, findings } = await examineRights(session, rendered, spaces, signal);
      missingRights = missing;
      return findings;
    }),
    look('storage', () => storage(session, rendered, signal)),
    look('capacity', () => capacity(session, rendered, nodes, signal)),
    look('releases', async () => {
      const found = await releases;
      installed = found.installed;
      return found.releases;
    }),
    look('pods', async () => examinePods(session, (await releases).wanted)),
    look('certificates', async () =>
      (
        await Promise.all(
          spaces
            .filter(({ state }) => state !== 'absent')
            .map(({ name }) => certificates(session, name, signal)),
        )
      ).flat(),
    ),
  ]);
  return { groups, flavour, installed, missingRights };
}

async function renderAll(session: Session, told: Observation[], signal?: AbortSignal): Promise<Rendered[]> {
  const bare = session.resolved.components.map((component) => ({ component }));
  // A look installs nothing, not even helm.
  if ((await findTool('helm').catch(() => undefined)) === undefined) {
    told.push(
      unknown('what the charts make exactly: helm is not here', { remedy: '`datamill tools install helm`' }),
    );
    return bare;
  }
  let all: Recorded[];
  try {
    all = await recordedComponents(session, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof DatamillError)) throw error;
    told.push(wrong(error.message, { remedy: error.hint }));
    return bare;
  }
  const limit = limiter(RENDERS);
  return await Promise.all(
    all.map((one) =>
      limit(async (): Promise<Rendered> => {
        try {
          return { ...one, objects: await renderedObjects(session, one, signal) };
        } catch (error) {
          signal?.throwIfAborted();
          if (!(error instanceof DatamillError)) throw error;
          told.push(wrong(error.message, { remedy: error.hint }));
          return one;
        }
      }),
    ),
  );
}

function examineNamespace(space: NamespaceState): Observation {
  const { name, state, blockedBy, since } = space;
  switch (state) {
    case 'active':
      return ok(`${name} is there`);
    case 'absent':
      return ok(`${name} is not there: \`datamill up\` makes it`);
    case 'hidden':
      return unknown(`${name}: this user may not look at namespaces, so it is taken to be there`);
    default:
      return wrong(terminatingWords(space), {
        where: `since ${since}`,
        remedy:
          blockedBy.length === 0
            ? 'wait until it is gone'
            : 'whoever set these finalizers has to finish: start it again, or take them off with `kubectl edit`',
      });
  }
}

async function examineRights(
  { api, identity, handle, resolved }: Session,
  rendered: readonly Rendered[],
  spaces: readonly NamespaceState[],
  signal?: AbortSignal,
): Promise<{ missing: Right[]; findings: Observation[] }> {
  const kinds = ({
    component,
    chart,
    objects,
  }: Rendered): Array<Kind & { metadata?: { namespace?: string } }> =>
    objects ?? [
      ...(chart === undefined ? [] : certainKinds(chart.path)),
      ...(component.objects as unknown as KubeObject[]),
    ];
  const wanted = await rightsFor(
    api,
    undertaking(rendered, kinds, {
      home: identity.namespace,
      spaces,
      simulated: handle.simulated,
      dataMount: resolved.dataMount,
      everywhere: true,
    }),
  );
  const [needed, useful] = await Promise.all([
    reviewRights(api, wanted.needed, signal),
    reviewRights(api, wanted.useful, signal),
  ]);
  const absent = new Set(spaces.filter(({ state }) => state === 'absent').map(({ name }) => name));
  const known = (right: Right) => right.namespace === undefined || !absent.has(right.namespace);
  const missing = { needed: needed.missing.filter(known), useful: useful.missing.filter(known) };
  const open = [...needed.missing.filter((right) => !known(right)), ...needed.unknown];
  const remedy = 'ask for the Role in docs/rights.md';
  const findings = [
    ...rightsWords(missing.needed).map((words) => wrong(`this user may not ${words}`, { remedy })),
    ...rightsWords(missing.useful).map((words) =>
      warning(`this user may not ${words}: installing works without, and says less`, { remedy }),
    ),
    ...rightsWords(open).map((words) => unknown(`whether this user may ${words}`)),
  ];
  const count = wanted.needed.length + wanted.useful.length;
  if (findings.length === 0)
    findings.push(
      ok(`this user has all ${count} rights that installing, changing and removing the flavour take`),
    );
  return { missing: [...missing.needed, ...missing.useful], findings };
}

async function storage(
  { api }: Session,
  rendered: readonly Rendered[],
  signal?: AbortSignal,
): Promise<Observation[]> {
  const claims = rendered.flatMap(({ component, objects }) =>
    claimsIn(objects ?? []).map((claim) => ({ ...claim, component: component.name })),
  );
  const classes = await listIfAllowed(
    api,
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' },
    { signal },
  );
  const named = [...new Set(claims.flatMap(({ storageClass }) => storageClass || []))];
  const missing = classes === undefined ? [] : await missingClasses(api, named, classes, signal);
  return examineStorage(claims, classes, missing);
}

async function capacity(
  session: Session,
  rendered: readonly Rendered[],
  nodes: readonly KubeObject[] | undefined,
  signal?: AbortSignal,
): Promise<Observation[]> {
  const [pods, growing] = await Promise.all([
    runningPods(session, signal),
    growsByItself(session.api, signal),
  ]);
  const promised = promisedResources(session.resolved);
  const demands = rendered.flatMap(({ component, objects }) =>
    demandsOf(component.name, objects ?? [], promised),
  );
  // What is installed already is asked for once: its pods make room for themselves.
  const rooms = nodes === undefined ? undefined : roomOf(nodes, pods, podsOfComponents(rendered));
  return examineCapacity(demands, rooms, { growing, allPods: pods !== undefined });
}

async function certificates(
  { api }: Session,
  namespace: string,
  signal?: AbortSignal,
): Promise<Observation[]> {
  const secrets = await listIfAllowed(
    api,
    { apiVersion: 'v1', kind: 'Secret', namespace },
    { fields: TLS_SECRETS, signal },
  );
  return examineCertificates(namespace, secrets);
}

/** helm and kubectl against the cluster: helm supports its own version and three before it, kubectl one more or less. */
async function examineSkews({ helm, kubernetes }: Session): Promise<Observation[]> {
  const [found, kubectl] = await Promise.all(
    [findTool('helm'), findTool('kubectl')].map((tool) => tool.catch(() => undefined)),
  );
  const client =
    found === undefined
      ? ''
      : (await (await helm()).run(['version', '--template', '{{.KubeClientVersion}}'])).stdout;
  return [
    examineSkew('helm', client, kubernetes, 3, 0),
    examineSkew('kubectl', kubectl?.version ?? '', kubernetes, 1, 1),
  ].filter((one) => one !== undefined);
}
