import { holderIsDead, holderName, ownAnnotations } from '../kube/holder.ts';
import type { KubeObject } from '../kube/types.ts';
import { HOLDER, RENEWED, USER } from './labels.ts';
import { toLabel, userName } from './names.ts';

/** Longest silence of a holder that is believed to live: it says so every half minute. */
const SILENCE = 120_000;
export const RENEW_EVERY = 30_000;

/** What says that this process holds a tunnel, now. */
export function holding(now: Date = new Date()): Record<string, string> {
  return { ...ownAnnotations(), [HOLDER]: holderName(), [RENEWED]: now.toISOString() };
}

export function holderOf({ metadata }: KubeObject): string {
  return metadata.annotations?.[HOLDER] ?? 'somebody';
}

/** The user of this machine, as tunnels are labelled. */
export function userLabel(): string {
  return toLabel(userName(), 63);
}

export function isMine({ metadata }: KubeObject): boolean {
  return metadata.labels?.[USER] === userLabel();
}

/** Whether somebody stands behind the tunnel; a process of this machine that is gone is known at once. */
export function isAlive(anchor: KubeObject, now: number = Date.now()): boolean {
  const holder = { ...anchor, spec: { holderIdentity: holderOf(anchor) } };
  if (holderIsDead(holder)) return false;
  return now - (Date.parse(anchor.metadata.annotations?.[RENEWED] ?? '') || 0) < SILENCE;
}
