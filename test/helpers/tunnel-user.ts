import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { parse, stringify } from 'yaml';
import { create } from '../../src/kube/objects.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { api } from './cluster.ts';

/** A verb on a resource, as Roles say it. */
export interface Verb {
  resource: string;
  verb: string;
}

type Role = KubeObject & { rules: Array<{ resources: string[]; verbs: string[] }> };

const GROUP = 'rbac.authorization.k8s.io';

/** The Role that the documentation tells people to ask for. */
async function documentedRole(): Promise<Role> {
  const page = await readFile(join(packageRoot, 'docs', 'tunnel.md'), 'utf8');
  return parse(/```yaml\n([\s\S]*?)```/.exec(page)![1]!);
}

/** All that the documented Role allows. */
export async function documentedVerbs(): Promise<Verb[]> {
  const { rules } = await documentedRole();
  return rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ resource, verb }))),
  );
}

/**
 * Makes a service account that has the documented Role, and nothing else.
 *
 * @param without a verb that its Role lacks.
 * @returns a kubeconfig with its token, whose context leads into the namespace.
 */
export async function tunnelUser(namespace: string, name: string, without?: Verb): Promise<string> {
  const role = await documentedRole();
  for (const rule of role.rules)
    if (rule.resources.includes(without?.resource ?? ''))
      rule.verbs = rule.verbs.filter((verb) => verb !== without!.verb);
  const rules = role.rules.filter(({ verbs }) => verbs.length > 0);
  const objects: KubeObject[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { ...role, rules, metadata: { name, namespace } } as KubeObject,
    {
      apiVersion: `${GROUP}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: GROUP, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
  for (const object of objects) await create(api(), object);
  const { status } = await api().request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  return await kubeconfigOf({ token: status.token }, namespace);
}

/** The kubeconfig of the shared cluster with another user in it. */
export async function kubeconfigOf(user: Record<string, string>, namespace?: string): Promise<string> {
  const config = parse(await readFile(inject('rehearsal').kubeconfig, 'utf8'));
  config.users = [{ name: 'alice', user }];
  for (const { context } of config.contexts) Object.assign(context, { user: 'alice', namespace });
  return stringify(config);
}
