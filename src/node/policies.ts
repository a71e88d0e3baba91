import type { NodeConfig } from './config.ts';
import type { RunRequest } from './types.ts';

/** A reference to an image, as the distribution specification has it, in its parts. */
export interface ImageName {
  /** Registry and repository, with the registry that is meant when none is named. */
  repository: string;
  tag?: string;
  digest?: string;
}

const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const HOST = '(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::\\d{1,5})?';
const NAME = new RegExp(
  `^((?:${HOST}/)?${PART}(?:/${PART})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const MAX = 512;

/** Takes an image's name apart; undefined when it is none (upper case hosts are none). */
export function parseImage(text: string): ImageName | undefined {
  const match = text.length > MAX ? null : NAME.exec(text);
  if (match === null) return undefined;
  const [, path, tag, digest] = match;
  const first = path!.split('/')[0]!;
  const hasHost = path!.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const repository = hasHost ? path! : `docker.io/${path!.includes('/') ? '' : 'library/'}${path}`;
  return { repository, tag, digest };
}

/**
 * Why a run may not start; undefined when it may. The image that was judged is the one that runs:
 * with a digest in the list, it is pulled by that digest whatever its tag says.
 */
export function judge(request: RunRequest, config: NodeConfig): { refused: string } | { image: string } {
  const { policies } = config;
  const name = parseImage(request.image);
  if (name === undefined) return { refused: `"${request.image.slice(0, 200)}" is no name of an image` };
  const { allowed_users: users, allowed_organizations: organizations } = policies;
  const either = [
    users?.includes(request.userId ?? Number.NaN),
    organizations?.includes(request.initiatorId ?? Number.NaN),
  ].filter((one) => one !== undefined);
  if (either.length > 0 && !either.includes(true))
    return { refused: 'neither this user nor this organization may run algorithms here' };
  const listed = matchList(request.image, name, policies.allowed_algorithms);
  const stored = policies.allowed_algorithm_stores?.some((store) => sameStore(store, request.storeUrl));
  const lists = [listed.allowed, stored].filter((one) => one !== undefined);
  const enough = policies.allow_either_whitelist_or_store ? lists.includes(true) : !lists.includes(false);
  if (lists.length > 0 && !enough) return { refused: `the policies do not allow ${request.image}` };
  const digest = name.digest ?? listed.digest;
  if (digest === undefined && policies.require_digest)
    return { refused: `${request.image} names no digest, and policies.require_digest asks for one` };
  return { image: digest === undefined ? request.image : `${name.repository}@${digest}` };
}

type Allowed = NodeConfig['policies']['allowed_algorithms'];

function matchList(text: string, name: ImageName, list: Allowed): { allowed?: boolean; digest?: string } {
  if (list === undefined) return {};
  for (const entry of list) {
    const digest = 'digest' in entry ? entry.digest : undefined;
    if (digest !== undefined && name.digest !== undefined && digest !== name.digest) continue;
    if (matches(entry.name, text, name)) return { allowed: true, digest };
  }
  return { allowed: false };
}

/** By its full name, by its name without tag, or by a regular expression that covers the whole of it. */
function matches(pattern: string, text: string, name: ImageName): boolean {
  const wanted = parseImage(pattern);
  if (wanted !== undefined) {
    return (
      wanted.repository === name.repository &&
      (wanted.tag === undefined || wanted.tag === name.tag) &&
      (wanted.digest === undefined || wanted.digest === name.digest)
    );
  }
  const bare = name.digest === undefined ? text : text.slice(0, text.indexOf('@'));
  try {
    return new RegExp(`^(?:${pattern})$`).test(bare);
  } catch {
    return false;
  }
}

function sameStore(allowed: string, url: string | undefined): boolean {
  if (url === undefined) return false;
  if (!/^https?:\/\/[\w.:/-]+$/.test(allowed)) {
    try {
      return new RegExp(`^(?:${allowed})$`).test(url);
    } catch {
      return false;
    }
  }
  return allowed.replace(/\/$/, '') === url.replace(/\/$/, '');
}
