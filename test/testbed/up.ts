import { DatamillError } from '../../src/errors.ts';
import { withLock } from '../../src/util/lock.ts';
import { program } from './binaries.ts';
import type { Say } from './call.ts';
import { applyAddons } from './cluster/addons.ts';
import { forgetContainers, startContainerd } from './cluster/containerd.ts';
import { type ControlPlane, controlPlane, startControlPlane } from './cluster/control-plane.ts';
import { makeNetwork } from './cluster/network.ts';
import { startNode } from './cluster/node.ts';
import { makePki } from './cluster/pki.ts';
import { noteStrays } from './cluster/strays.ts';
import { setSysctls } from './cluster/sysctl.ts';
import { findImage, sweep } from './image/blobs.ts';
import { image } from './image/build.ts';
import { load } from './image/load.ts';
import { defaultImages, type ImageSpec, imageNames, readSpec } from './image/spec.ts';
import { kubeconfig, lockFile } from './layout.ts';
import { installPackages } from './packages.ts';
import { missingForTestbed } from './preconditions.ts';
import { isRunning } from './processes.ts';

export interface UpOptions {
  say: Say;
  signal?: AbortSignal;
  /** Images beside those that the cluster itself needs; all when left out. */
  images?: readonly string[];
}

/** What must be there before the first pod. */
const SYSTEM = ['pause', 'coredns', 'busybox', 'local-path-provisioner'];

/**
 * Brings the testbed up, or completes what is there of it. Safe to call at any time, also twice at
 * once. Gives the path of a kubeconfig, whose context is `testbed`.
 */
export async function up(options: UpOptions): Promise<string> {
  const { say, signal } = options;
  requirePreconditions();
  const onWait = () => say('waiting for another process that works on the testbed');
  return withLock(lockFile(), { signal, onWait }, async () => {
    await installPackages(say, signal);
    const images = options.images ?? (await defaultImages(isMade));
    const names = [...new Set([...SYSTEM, ...images])];
    const [programs, kubelet, proxy] = await prepare(names, options);
    await noteStrays();
    await makePki();
    await setSysctls();
    await makeNetwork();
    await startContainerd();
    if (!(await isRunning('kubelet'))) await forgetContainers();
    await Promise.all([
      loadAll(
        names.filter((name) => SYSTEM.includes(name)),
        options,
      ).then(() => startNode(kubelet, proxy)),
      startControlPlane(programs),
    ]);
    await Promise.all([applyAddons(programs), loadAll(names, options)]);
    return kubeconfig();
  });
}

function requirePreconditions(): void {
  const missing = missingForTestbed().filter((what) => !what.startsWith('the Debian package'));
  if (missing.length === 0) return;
  throw new DatamillError('TESTBED', `This machine cannot run the testbed; it lacks ${missing.join(', ')}.`);
}

/** Programs and images, side by side: the former keep the processor busy, the latter the network. */
async function prepare(names: string[], { say, signal }: UpOptions): Promise<[ControlPlane, string, string]> {
  const current = await Promise.all(
    (await imageNames()).map(async (name) => [name, (await readSpec(name)).digest] as const),
  );
  const images = (async () => {
    for (const name of names.filter((name) => !SYSTEM.includes(name))) await image(name, { say, signal });
  })();
  const programs = (async (): Promise<[ControlPlane, string, string]> => {
    const plane = await controlPlane(say, signal);
    const kubelet = await program('kubelet', say, signal);
    const proxy = await program('kube-proxy', say, signal);
    for (const name of SYSTEM) await image(name, { say, signal });
    return [plane, kubelet, proxy];
  })();
  const [made] = await Promise.all([programs, images]);
  await sweep(new Map(current));
  return made;
}

async function isMade({ name, digest }: ImageSpec): Promise<boolean> {
  return (await findImage(name, digest)) !== undefined;
}

async function loadAll(names: readonly string[], { say, signal }: UpOptions): Promise<void> {
  for (const name of names) await load(await image(name, { say, signal }), say, signal);
}

/** Makes images and gives them to the runtime of a testbed that is up. */
export async function loadImages(names: readonly string[], options: UpOptions): Promise<void> {
  const onWait = () => options.say('waiting for another process that works on the testbed');
  await withLock(lockFile(), { signal: options.signal, onWait }, async () => {
    if (!(await isRunning('containerd'))) throw new Error('the testbed is not up: npm run testbed up');
    await loadAll(names, options);
  });
}
