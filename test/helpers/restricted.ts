import { api, applyObjects, clusterFlags, kubectl } from './cluster.ts';
import type { Project } from './project.ts';

/** Flags for a user who has these rights in the namespace, and no others. */
export async function restricted(project: Project, rules: object[]): Promise<string[]> {
  const { namespace } = project;
  const [, kubeconfig] = clusterFlags();
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'looker' };
  await applyObjects(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'looker', namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'looker', namespace },
      rules,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'looker', namespace },
      roleRef: role,
      subjects: [{ kind: 'ServiceAccount', name: 'looker', namespace }],
    },
  );
  const { status } = await api().request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/looker/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  const config = JSON.parse(
    await kubectl('config', 'view', '--raw', '--flatten', '-o', 'json', '--kubeconfig', kubeconfig!),
  );
  config.users = [{ name: 'looker', user: { token: status.token } }];
  for (const { context } of config.contexts) context.user = 'looker';
  return ['--kubeconfig', await project.write('looker.yaml', config)];
}
