import { existsSync, readdirSync } from 'node:fs';
import { allRules } from './cluster/iptables.ts';
import { allMounts } from './cluster/mounts.ts';
import { strays } from './cluster/strays.ts';
import { read, settings } from './cluster/sysctl.ts';
import { state } from './layout.ts';
import { allProcesses, commandOf } from './processes.ts';

/** What of this machine the testbed changes while it is up, and `down` has to put back. */
export interface Traces {
  processes: string[];
  mounts: string[];
  interfaces: string[];
  rules: string[];
  cgroups: string[];
  settings: string[];
  folders: string[];
}

/** Looks at the whole machine, not only where the testbed thinks that it has been. */
export async function traces(): Promise<Traces> {
  return {
    processes: processes(),
    mounts: allMounts().sort(),
    interfaces: readdirSync('/sys/class/net').sort(),
    rules: await allRules(),
    cgroups: cgroups(),
    settings: settings().map((name) => `${name}=${read(name)}`),
    folders: [...strays, state()].filter((path) => existsSync(path)),
  };
}

const PROGRAMS = /(^|\/)(containerd|runc|kubelet|kube-proxy|pause|coredns|local-path-provisioner)/;

/** Others on this machine come and go: of theirs only what looks like a part of a node counts. */
function processes(): string[] {
  const looking = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => PROGRAMS.test(commandOf(pid).split(' ')[0]!));
  return [...new Set([...allProcesses(), ...looking])].map((pid) => `${pid} ${commandOf(pid)}`).sort();
}

function cgroups(): string[] {
  const roots = ['/sys/fs/cgroup', ...list('/sys/fs/cgroup')];
  return roots
    .flatMap(list)
    .filter((path) => /(datamill|kubepods)/.test(path))
    .sort();
}

function list(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
}

/** What is there now and was not before, or the other way round; empty when nothing is left. */
export function difference(before: Traces, after: Traces): string[] {
  return (Object.keys(before) as Array<keyof Traces>).flatMap((kind) => [
    ...after[kind].filter((entry) => !before[kind].includes(entry)).map((entry) => `left: ${kind} ${entry}`),
    ...before[kind].filter((entry) => !after[kind].includes(entry)).map((entry) => `lost: ${kind} ${entry}`),
  ]);
}
