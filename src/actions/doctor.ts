import { examineServer, examineVersion } from '../doctor/cluster.ts';
import { examineKubeconfig } from '../doctor/kubeconfig.ts';
import { type Observation, unknown, worst, wrong } from '../doctor/observation.ts';
import { greet } from '../doctor/server.ts';
import { examineTools, toolsFor } from '../doctor/tools.ts';
import { DatamillError, errorMessage, ExitCode } from '../errors.ts';
import type { Right } from '../kube/access.ts';
import { readAccess } from '../kube/kubeconfig.ts';
import type { ResolvedTarget } from '../resolve/target.ts';
import type { Resolved } from '../resolve/types.ts';
import type { TargetHandle } from '../targets/contract.ts';
import { driverFor } from '../targets/index.ts';
import { type Examination, examineInCluster } from './examine.ts';
import {
  type ActionOptions,
  openResolved,
  resolveForTarget,
  type Session,
  targetIO,
  targetSpec,
} from './session.ts';

/** What was looked at, in the order in which one thing needs the other. */
export type GroupName =
  | 'tools'
  | 'flavour'
  | 'kubeconfig'
  | 'cluster'
  | 'namespaces'
  | 'rights'
  | 'storage'
  | 'capacity'
  | 'releases'
  | 'pods'
  | 'certificates';

export interface DoctorGroup {
  name: GroupName;
  findings: Observation[];
}

export interface DoctorResult {
  flavour: string;
  namespace: string;
  result: 'ok' | 'warning' | 'error';
  /** False when the cluster could not be asked. */
  reachable: boolean;
  /** Whether every component is installed as the flavour says. */
  installed: boolean;
  groups: DoctorGroup[];
  /** Rights that this user lacks, of those that installing the flavour takes. */
  missingRights: Right[];
}

/** What a cluster that cannot be asked leaves open. */
const NOTHING: Examination = { groups: [], installed: false, missingRights: [] };

/**
 * Looks at everything that stands between a flavour and a platform that works: tools, kubeconfig,
 * cluster, rights, storage, room, releases, pods, certificates. Changes nothing, installs nothing.
 *
 * @throws {DatamillError} exit 2 when the flavour itself is wrong.
 */
export async function doctor(options: ActionOptions): Promise<DoctorResult> {
  const { resolved, target } = resolveForTarget(options);
  const [tools, { connection, found, session }] = await Promise.all([
    examineTools(toolsFor(target.driver)),
    reach(resolved, target, options),
  ]);
  try {
    const inside = session === undefined ? NOTHING : await examineInCluster(session, options.signal);
    const cluster = [...found, ...(inside.groups.find(({ name }) => name === 'cluster')?.findings ?? [])];
    const groups: DoctorGroup[] = [
      { name: 'tools', findings: tools },
      { name: 'flavour', findings: [...examineSelection(resolved), ...(inside.flavour ?? [])] },
      { name: 'kubeconfig', findings: connection },
      { name: 'cluster', findings: cluster },
      ...inside.groups.filter(({ name }) => name !== 'cluster'),
    ];
    return {
      flavour: resolved.flavour,
      namespace: resolved.project.k8s_namespace,
      result: worst(groups.flatMap(({ findings }) => findings)),
      reachable: session !== undefined,
      installed: inside.installed,
      groups: groups
        .filter(({ findings }) => findings.length > 0)
        .map(({ name, findings }) => ({ name, findings: findings.map((one) => withTarget(one, session)) })),
      missingRights: inside.missingRights,
    };
  } finally {
    session?.close();
  }
}

/** Commands that can be pasted: kubectl is told which cluster is meant. */
function withTarget(finding: Observation, session: Session | undefined): Observation {
  if (session === undefined || finding.remedy === undefined) return finding;
  const { kubeconfig, context } = session.handle;
  const kubectl = `kubectl --kubeconfig ${kubeconfig} --context ${context} `;
  return { ...finding, remedy: finding.remedy.replaceAll(/(?<=`|\| )kubectl (?!config)/g, kubectl) };
}

/** 0, 1 when something is wrong, 4 when the cluster could not be asked. */
export function exitCodeOfDoctor({ reachable, result }: DoctorResult): number {
  if (!reachable) return ExitCode.unreachable;
  return result === 'error' ? ExitCode.failed : ExitCode.done;
}

function examineSelection({ unavailable }: Resolved): Observation[] {
  return unavailable.map(({ name, reason, at }) =>
    wrong(`${name} cannot be installed: ${reason}`, {
      where: at === undefined ? undefined : [at.file, at.line, at.column].filter(Boolean).join(':'),
      remedy: `take ${name} out of project.flavour, or name what you want with -c`,
    }),
  );
}

interface Reached {
  /** About the kubeconfig. */
  connection: Observation[];
  /** About the cluster. */
  found: Observation[];
  session?: Session;
}

async function reach(resolved: Resolved, target: ResolvedTarget, options: ActionOptions): Promise<Reached> {
  const { signal } = options;
  let handle: TargetHandle;
  try {
    handle = await driverFor(target.driver).connect(targetSpec(target, resolved), targetIO(options));
  } catch (error) {
    return { connection: [], found: [asObservation(error, signal)] };
  }
  const connection = examineKubeconfig(handle.kubeconfig, handle.context);
  const greeting = greetAt(handle, signal);
  try {
    const session = await openResolved(resolved, target, options, 'connect');
    const found = [
      ...examineServer(session.api.server, session.kubernetes, await greeting),
      ...examineVersion(resolved.components, session.kubernetes),
    ];
    return { connection, found, session };
  } catch (error) {
    return { connection, found: [asObservation(error, signal)] };
  }
}

async function greetAt({ kubeconfig, context }: TargetHandle, signal?: AbortSignal) {
  try {
    return await greet(readAccess(kubeconfig, context).server, signal);
  } catch {
    // What is wrong with it, if anything, is told by those who need it.
    return undefined;
  }
}

function asObservation(error: unknown, signal?: AbortSignal): Observation {
  signal?.throwIfAborted();
  if (!(error instanceof DatamillError)) return unknown(errorMessage(error));
  return wrong(error.message, { remedy: error.hint });
}
