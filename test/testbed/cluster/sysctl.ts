import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { call } from '../call.ts';
import { state } from '../layout.ts';

/** Settings of the kernel that pods need. */
const needed = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
};

/** Settings that the kubelet and the proxy change on their own. */
const touched = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'net/ipv4/conf/all/route_localnet',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_be_liberal',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

/** Sets what is needed, and writes down what was there before. */
export async function setSysctls(): Promise<void> {
  if (!existsSync(join('/proc/sys', 'net/bridge'))) await call('modprobe', ['br_netfilter']);
  if (!existsSync(saved())) {
    const before = Object.fromEntries(settings().map((name) => [name, read(name)]));
    await writeAtomically(saved(), JSON.stringify(before));
  }
  for (const [name, value] of Object.entries(needed)) write(name, value);
}

/** Puts everything back as it was before the first `up`. */
export async function restoreSysctls(): Promise<void> {
  if (!existsSync(saved())) return;
  const before = JSON.parse(await readFile(saved(), 'utf8')) as Record<string, string | null>;
  for (const [name, value] of Object.entries(before))
    if (value !== null && read(name) !== value) write(name, value);
  await rm(saved(), { force: true });
}

export function settings(): string[] {
  return [...Object.keys(needed), ...touched];
}

/** The value of a setting; null where the kernel has no such setting. */
export function read(name: string): string | null {
  try {
    return readFileSync(join('/proc/sys', name), 'utf8').trim();
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  writeFileSync(join('/proc/sys', name), value);
}

function saved(): string {
  return state('sysctl.json');
}
