import { readFile } from 'node:fs/promises';
import { refusedError } from '../errors.ts';
import type { Driver, TargetHandle, TargetSpec, TargetState } from '../targets/contract.ts';
import { driverFor } from '../targets/index.ts';
import { type ActionOptions, resolveForTarget, targetSpec } from './session.ts';

function targetOf(options: ActionOptions): { driver: Driver; spec: TargetSpec } {
  const { resolved, target } = resolveForTarget(options);
  return { driver: driverFor(target.driver), spec: targetSpec(target, resolved) };
}

function io({ report, signal }: ActionOptions) {
  return {
    signal,
    progress: (message: string) => report({ type: 'step', phase: 'target', state: 'running', message }),
  };
}

/** Starts the target, making it if need be; components are left alone. */
export async function start(options: ActionOptions): Promise<TargetHandle> {
  const { driver, spec } = targetOf(options);
  return await driver.up(spec, io(options));
}

/** Stops the target; what is in it stays. */
export async function stop(options: ActionOptions): Promise<{ name: string; before: TargetState }> {
  const { driver, spec } = targetOf(options);
  refuseForeignCluster(driver, 'stop');
  const before = await driver.status(spec);
  if (before === 'running') await driver.stop(spec, io(options));
  return { name: spec.name, before };
}

/** Deletes the target with everything in it. */
export async function destroy(
  options: ActionOptions & { confirm(name: string): Promise<boolean> },
): Promise<{ name: string; before: TargetState; done: boolean }> {
  const { driver, spec } = targetOf(options);
  refuseForeignCluster(driver, 'destroy');
  const before = await driver.status(spec);
  if (before === 'absent') return { name: spec.name, before, done: false };
  if (!(await options.confirm(`${driver.name} cluster "${spec.name}"`)))
    return { name: spec.name, before, done: false };
  await driver.destroy(spec, io(options));
  return { name: spec.name, before, done: true };
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
  const { kubeconfig: path, context } = await driver.connect(spec);
  return { path, context, text: await readFile(path, 'utf8') };
}
