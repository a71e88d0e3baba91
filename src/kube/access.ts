import type { Api, RequestOptions } from './client.ts';

/** One thing that somebody may or may not do. */
export interface Right {
  verb: string;
  /** API group; '' is the core group. */
  group: string;
  /** Plural, with a subresource after a slash: `pods/log`. */
  resource: string;
  /** Undefined: in the whole cluster. */
  namespace?: string;
}

export interface Review {
  /** What the API server says no to. */
  missing: Right[];
  /** What it gave no answer about. */
  unknown: Right[];
}

interface Rule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
}

/** Nobody waits long for an answer to this: what is not known is done without. */
const PATIENCE: RequestOptions = { timeout: 5000, retryFor: 2000 };
const REVIEWS = '/apis/authorization.k8s.io/v1';

/** `deployments.apps in data-mill` */
function placeWords({ group, resource, namespace }: Right): string {
  const kind = group === '' ? resource : `${resource}.${group}`;
  return `${kind}${namespace === undefined ? ' in the whole cluster' : ` in ${namespace}`}`;
}

/** `get, create deployments.apps in data-mill`, one for each resource and namespace. */
export function rightsWords(rights: readonly Right[]): string[] {
  const verbs = new Map<string, Set<string>>();
  for (const right of rights) {
    const place = placeWords(right);
    verbs.set(place, (verbs.get(place) ?? new Set()).add(right.verb));
  }
  return [...verbs].map(([place, names]) => `${[...names].join(', ')} ${place}`);
}

/**
 * Asks the API server which of these rights its user has not: one question for each namespace,
 * and, as its answer may leave rights out, one for each right that is not in it.
 */
export async function reviewRights(
  api: Api,
  rights: readonly Right[],
  signal?: AbortSignal,
): Promise<Review> {
  const byNamespace = new Map<string | undefined, Right[]>();
  for (const right of unique(rights)) {
    const group = byNamespace.get(right.namespace) ?? [];
    byNamespace.set(right.namespace, [...group, right]);
  }
  const doubtful = await Promise.all(
    [...byNamespace].map(async ([namespace, wanted]) => {
      // The rules of a namespace hold what is granted in it alone: they say nothing about the cluster.
      const rules = namespace === undefined ? [] : await rulesIn(api, namespace, signal);
      return wanted.filter((right) => !rules.some((rule) => grants(rule, right)));
    }),
  );
  const asked = doubtful.flat();
  const answers = await Promise.all(asked.map((right) => isAllowed(api, right, signal)));
  return {
    missing: asked.filter((_, index) => answers[index] === false),
    unknown: asked.filter((_, index) => answers[index] === undefined),
  };
}

function unique(rights: readonly Right[]): Right[] {
  return [...new Map(rights.map((right) => [`${right.verb} ${placeWords(right)}`, right])).values()];
}

async function rulesIn(api: Api, namespace: string, signal?: AbortSignal): Promise<Rule[]> {
  const body = review('SelfSubjectRulesReview', { namespace });
  try {
    const { status } = await api.request<{ status?: { resourceRules?: Rule[] } }>(
      'POST',
      `${REVIEWS}/selfsubjectrulesreviews`,
      { ...PATIENCE, body, signal },
    );
    return status?.resourceRules ?? [];
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}

function grants({ verbs, apiGroups, resources, resourceNames }: Rule, right: Right): boolean {
  const [, subresource] = right.resource.split('/');
  return (
    (resourceNames ?? []).length === 0 &&
    holds(verbs, right.verb) &&
    holds(apiGroups, right.group) &&
    (holds(resources, right.resource) ||
      (subresource !== undefined && (resources ?? []).includes(`*/${subresource}`)))
  );
}

function holds(list: readonly string[] | undefined, value: string): boolean {
  return list?.includes('*') === true || list?.includes(value) === true;
}

async function isAllowed(api: Api, right: Right, signal?: AbortSignal): Promise<boolean | undefined> {
  const [resource, subresource] = right.resource.split('/');
  const { verb, group, namespace } = right;
  const body = review('SelfSubjectAccessReview', {
    resourceAttributes: { verb, group, resource, subresource, namespace },
  });
  try {
    const { status } = await api.request<{ status?: { allowed?: boolean } }>(
      'POST',
      `${REVIEWS}/selfsubjectaccessreviews`,
      { ...PATIENCE, body, signal },
    );
    return status?.allowed;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

function review(kind: string, spec: Record<string, unknown>) {
  return { apiVersion: 'authorization.k8s.io/v1', kind, spec };
}
