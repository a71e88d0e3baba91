import { hostname } from 'node:os';
import { holderName, ownAnnotations, processIsGone } from '../kube/holder.ts';
import { type Identity, ownLabels, ownSelector } from '../kube/labels.ts';
import type { KubeObject } from '../kube/types.ts';

/** What kind of debug pod it is: only these carry it. */
const DEBUG = 'datamill.io/debug';
const OWNER = 'datamill.io/owner';
const HOST = 'datamill.io/host';
const SESSION = 'datamill.io/session';
/** Who made it, in full: labels take few characters. */
const HOLDER = 'datamill.io/holder';

/** A part of a label or name: lower case, 40 characters at most. */
export function labelWord(text: string): string {
  const word = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '');
  return word === '' ? 'user' : word;
}

export function userName(): string {
  return process.env.USER ?? process.env.LOGNAME ?? 'user';
}

/** Labels and annotations that say whose pod it is, and whether its owner still lives. */
export function ownerMetadata(
  identity: Identity,
  kind: string,
  session: string,
): { labels: Record<string, string>; annotations: Record<string, string> } {
  return {
    labels: {
      ...ownLabels(identity),
      [DEBUG]: kind,
      [OWNER]: labelWord(userName()),
      [HOST]: labelWord(hostname()),
      [SESSION]: session,
    },
    annotations: { [HOLDER]: holderName(), ...ownAnnotations() },
  };
}

export function debugSelector(identity: Identity): string {
  return `${ownSelector(identity)},${DEBUG}`;
}

export function kindOf({ metadata }: KubeObject): string {
  return metadata.labels?.[DEBUG] ?? '';
}

/** `user@host` */
export function ownerOf({ metadata }: KubeObject): string {
  return (metadata.annotations?.[HOLDER] ?? '').replace(/\/\d+$/, '');
}

/** Whether this user made it on this machine. */
export function isMine(pod: KubeObject): boolean {
  return ownerOf(pod) === holderName().replace(/\/\d+$/, '');
}

/** Whether it was made on this machine by a process that is no more. */
export function isOrphan(pod: KubeObject): boolean {
  return processIsGone(pod.metadata.annotations?.[HOLDER] ?? '', pod);
}
