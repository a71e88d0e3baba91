import { configError, type DatamillError, refusedError } from '../errors.ts';
import type { HelmTarget } from '../helm/args.ts';
import { ChartStore } from '../helm/charts.ts';
import { type Helm, helmAt } from '../helm/run.ts';
import { type Api, connect } from '../kube/client.ts';
import type { Identity } from '../kube/labels.ts';
import { type ResolveOptions, resolve } from '../resolve/resolve.ts';
import type { ResolvedTarget } from '../resolve/target.ts';
import type { Resolved, ResolvedComponent } from '../resolve/types.ts';
import type { Driver, TargetHandle, TargetIO, TargetSpec } from '../targets/contract.ts';
import { driverFor } from '../targets/index.ts';
import { resolveTools } from '../tools/index.ts';
import type { Reporter } from './events.ts';

/** What every action takes: what to resolve, how to stop, whom to tell. */
export interface ActionOptions extends ResolveOptions {
  signal?: AbortSignal;
  report: Reporter;
  /** Asks the user; undefined when there is nobody to ask. */
  ask?: TargetIO['ask'];
  /** Believe a machine that was never seen, at first contact. */
  acceptHostKey?: boolean;
  /** Take over what somebody else made: releases of the same name, and the cluster itself. */
  adopt?: boolean;
  /** Folder of packaged charts that is used instead of every repository. */
  mirror?: string;
}

/** What drivers tell and ask with. */
export function targetIO({ signal, report, ask, acceptHostKey, adopt }: ActionOptions): TargetIO {
  const progress = (message: string) => report({ type: 'step', phase: 'target', state: 'running', message });
  return { signal, progress, ask, acceptHostKey, adopt };
}

/** A resolved flavour on a reached target. */
export interface Session {
  resolved: Resolved;
  identity: Identity;
  driver: Driver;
  handle: TargetHandle;
  helmTarget: HelmTarget;
  api: Api;
  /** Kubernetes version of the API server, such as v1.35.4. */
  kubernetes: string;
  charts: ChartStore;
  /** helm, found (or installed) when it is first needed. */
  helm(): Promise<Helm>;
  close(): void;
}

/** First contact is given up sooner than later calls: the user waits for it. */
const FIRST_CONTACT = 5000;

/** Resolves, telling the warnings; the target is required. */
export function resolveForTarget(options: ActionOptions): { resolved: Resolved; target: ResolvedTarget } {
  const resolved = resolve({ ...options, requireTarget: true });
  reportWarnings(resolved, options.report);
  return { resolved, target: resolved.target! };
}

export function reportWarnings(resolved: Resolved, report: Reporter): void {
  for (const { message, at } of resolved.warnings) report({ type: 'warning', message, ...at });
}

/**
 * Resolves the flavour and reaches its target.
 *
 * @param how `start`: make or start the cluster if need be; `connect`: it must be there.
 * @throws {DatamillError} exit 2 for configuration, 4 when the target cannot be reached.
 */
export async function openSession(options: ActionOptions, how: 'start' | 'connect'): Promise<Session> {
  const { resolved, target } = resolveForTarget(options);
  return await openResolved(resolved, target, options, how);
}

export async function openResolved(
  resolved: Resolved,
  target: ResolvedTarget,
  options: ActionOptions,
  how: 'start' | 'connect',
): Promise<Session> {
  const driver = driverFor(target.driver);
  const spec = targetSpec(target, resolved);
  const io = targetIO(options);
  const handle = how === 'start' ? await driver.up(spec, io) : await driver.connect(spec, io);
  const api = connect(handle);
  const kubernetes = (
    await api.get<{ gitVersion: string }>('/version', {
      timeout: FIRST_CONTACT,
      retryFor: FIRST_CONTACT,
      signal: options.signal,
    })
  ).gitVersion;
  if (how === 'start') {
    options.report({
      type: 'step',
      phase: 'target',
      state: 'done',
      message: `${driver.name}: ${handle.context}, Kubernetes ${kubernetes}`,
    });
  }
  let found: Promise<Helm> | undefined;
  const helm = () => (found ??= findHelm(options));
  return {
    resolved,
    identity: { project: resolved.project.name, namespace: resolved.project.k8s_namespace },
    driver,
    handle,
    helmTarget: { kubeconfig: handle.kubeconfig, context: handle.context },
    api,
    kubernetes,
    charts: new ChartStore({
      helm,
      mirror: options.mirror,
      signal: options.signal,
      progress: (message) => options.report({ type: 'step', phase: 'plan', state: 'running', message }),
    }),
    helm,
    close: () => api.close(),
  };
}

async function findHelm({ signal, report }: ActionOptions): Promise<Helm> {
  const onProgress = (message: string) => report({ type: 'step', phase: 'tools', state: 'running', message });
  const tools = await resolveTools(['helm'], { signal, onProgress });
  return helmAt(tools.get('helm')!.path);
}

/** What the driver is told, with the storage classes that components name. */
export function targetSpec(target: ResolvedTarget, resolved: Resolved): TargetSpec {
  const classes = new Set<string | null>(resolved.components.flatMap(classesOf));
  classes.add(target.storageClass);
  const { driver, name, cpus, memory, storage, nodes, gpuSupport, version, config, context, settings } =
    target;
  return {
    driver,
    name,
    cpus,
    memory,
    storage,
    nodes,
    gpuSupport,
    version,
    config,
    context,
    settings,
    storageClasses: [...classes].filter((name) => name !== null),
  };
}

/** The storage classes that a component names. */
export function classesOf({ storageClass, values, objects }: ResolvedComponent): string[] {
  return [...(storageClass === null ? [] : [storageClass]), ...storageClassesIn([values, objects])];
}

/** Charts name storage classes under keys that are all alike; `-` means none. */
function storageClassesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    /^storage_?class(_?name)?$/i.test(key) && typeof child === 'string' && /^[a-z0-9]/.test(child)
      ? [child]
      : storageClassesIn(child),
  );
}

/** Components that the flavour names but that cannot be installed: refused by name. */
export function refuseUnavailable(resolved: Resolved): void {
  const errors = resolved.unavailable.map(
    ({ name, reason, at }): DatamillError =>
      refusedError('UNAVAILABLE_COMPONENT', `${name} cannot be installed: ${reason}`, {
        at,
        hint: `take ${name} out of project.flavour, or name what you want with -c`,
      }),
  );
  const [first, ...others] = errors;
  if (first !== undefined)
    throw refusedError(first.code, first.message, { at: first.at, hint: first.hint, others });
  if (resolved.components.length === 0) {
    throw configError('EMPTY_FLAVOUR', 'the flavour names no components', {
      at: { file: resolved.file },
      hint: 'see `datamill components`',
    });
  }
}
