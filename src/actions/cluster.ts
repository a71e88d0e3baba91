import { readFile } from 'node:fs/promises';
import { refusedError } from '../errors.ts';
import { mergeContext } from '../kube/kubeconfig-edit.ts';
import type { Command, Driver, TargetHandle, TargetSpec, TargetState } from '../targets/contract.ts';
import { driverFor } from '../targets/index.ts';
import { kubeconfigFiles } from '../targets/kubeconfig-list.ts';
import { writeAtomically } from '../util/atomic.ts';
import { type ActionOptions, resolveForTarget, targetIO, targetSpec } from './session.ts';

function targetOf(options: ActionOptions): { driver: Driver; spec: TargetSpec } {
  const { resolved, target } = resolveForTarget(options);
  return { driver: driverFor(target.driver), spec: targetSpec(target, resolved) };
}

/** Starts the target, making it if need be; components are left alone. */
export async function start(options: ActionOptions): Promise<TargetHandle> {
  const { driver, spec } = targetOf(options);
  return await driver.up(spec, targetIO(options));
}

/** Stops the target; what is in it stays. */
export async function stop(options: ActionOptions): Promise<{ name: string; before: TargetState }> {
  const { driver, spec } = targetOf(options);
  refuseForeignCluster(driver, 'stop');
  const io = targetIO(options);
  const before = await driver.status(spec, io);
  if (before === 'running') await driver.stop(spec, io);
  return { name: spec.name, before };
}

/** What `destroy` is about to remove. */
export interface Doomed {
  what: string;
  name: string;
  /** It is paid for, at somebody else's: its name has to be given. */
  billed: boolean;
  commands: Command[];
}

/** Deletes the target with everything in it. */
export async function destroy(
  options: ActionOptions & { confirm(doomed: Doomed): Promise<boolean> },
): Promise<{ name: string; before: TargetState; done: boolean }> {
  const { driver, spec } = targetOf(options);
  refuseForeignCluster(driver, 'destroy');
  const io = targetIO(options);
  const { name } = spec;
  const before = await driver.status(spec, io);
  if (before === 'absent') {
    // Nothing was seen; with the programs that look missing, that says nothing.
    const missing = (await driver.detect(spec, io)).find(({ problem }) => problem !== undefined)?.problem;
    if (missing !== undefined) throw refusedError('TARGET_TOOLS', missing.message, { hint: missing.hint });
    return { name, before, done: false };
  }
  const commands = await driver.planEnd(spec, 'destroy', io);
  const { billed } = driver.abilities;
  const doomed = { what: `${driver.name} cluster "${name}"`, name, billed, commands };
  if (!(await options.confirm(doomed))) return { name, before, done: false };
  await driver.destroy(spec, io);
  return { name, before, done: true };
}

function refuseForeignCluster(driver: Driver, verb: string): void {
  if (driver.ownsCluster) return;
  throw refusedError(
    'NOT_OUR_CLUSTER',
    `this target is an existing cluster: data-mill does not ${verb} what it did not make`,
    { hint: '`datamill down` removes the components' },
  );
}

/** The kubeconfig of the target, for kubectl and helm. */
export async function kubeconfig(
  options: ActionOptions,
): Promise<{ path: string; context: string; text: string }> {
  const { driver, spec } = targetOf(options);
  const { kubeconfig: path, context } = await driver.connect(spec, targetIO(options));
  return { path, context, text: await readFile(path, 'utf8') };
}

/** Reaches the target and holds the way to it open, until the signal fires. */
export async function hold(options: ActionOptions): Promise<TargetHandle> {
  const { driver, spec } = targetOf(options);
  return await driver.connect(spec, { ...targetIO(options), hold: true });
}

/**
 * Puts the context of the target into the user's kubeconfig, and makes it the current one.
 *
 * @param options.replace whether a cluster of the same name that is elsewhere is replaced.
 * @throws CONTEXT_TAKEN, exit code 3.
 */
export async function mergeKubeconfig(
  options: ActionOptions & { replace: boolean },
): Promise<{ path: string; context: string }> {
  const { text, context } = await kubeconfig(options);
  // As kubectl: new contexts go to the first file.
  const path = kubeconfigFiles()[0]!;
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  await writeAtomically(path, mergeContext(before, text, options.replace), 0o600);
  return { path, context };
}
