import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isAlive } from '../util/lock.ts';
import type { KubeObject } from './types.ts';

/** Tells processes of one name apart: by boot, by process namespace, by start. */
const PROCESS = 'datamill.io/process';

/** Who we are, for people: the process id tells a later run on this machine whether we still live. */
export function holderName(): string {
  return `${process.env.USER ?? process.env.LOGNAME ?? 'user'}@${hostname()}/${process.pid}`;
}

export function holderOf(lease: KubeObject): string {
  return String(lease.spec?.holderIdentity ?? '');
}

export function ownAnnotations(): Record<string, string> {
  return { [PROCESS]: own() };
}

export function isOwn(lease: KubeObject): boolean {
  return holderOf(lease) === holderName() && lease.metadata.annotations?.[PROCESS] === own();
}

/** True when the holder was a process of this machine that is no more. */
export function holderIsDead(lease: KubeObject): boolean {
  return processIsGone(holderOf(lease), lease);
}

/**
 * Whether a process of this machine that calls itself so (as `holderName` does) and made the object
 * (see `ownAnnotations`) is no more. Machines and containers share names, so where there is a /proc
 * the name of the host is not believed.
 */
export function processIsGone(holder: string, { metadata }: KubeObject): boolean {
  const match = /@([^/]+)\/(\d+)$/.exec(holder);
  if (match === null) return false;
  const pid = Number(match[2]);
  const theirs = metadata.annotations?.[PROCESS] ?? '';
  const [machine] = split(own());
  const [theirMachine, theirStart] = split(theirs);
  if (theirMachine !== machine) return false;
  if (machine === '') return match[1] === hostname() && pid !== process.pid && !isAlive(pid);
  return !isAlive(pid) || startOf(pid) !== theirStart;
}

/** The id of a holder's process when it is one of this machine that lives, and surely that one. */
export function processIdOf(holder: string, object: KubeObject): number | undefined {
  const pid = Number(/\/(\d+)$/.exec(holder)?.[1]);
  const [machine] = split(own());
  const [theirs] = split(object.metadata.annotations?.[PROCESS] ?? '');
  if (!pid || machine === '' || theirs !== machine || processIsGone(holder, object)) return undefined;
  return pid;
}

let identity: string | undefined;

function own(): string {
  identity ??= identify();
  return identity;
}

function identify(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
    return `${boot}.${namespace}/${startOf(process.pid)}`;
  } catch {
    return `/${randomUUID()}`;
  }
}

function split(id: string): [machine: string, start: string] {
  const [machine = '', start = ''] = id.split('/');
  return [machine, start];
}

/** proc(5): field 22 of stat, in ticks since the boot; the second field, in parentheses, may hold anything. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
