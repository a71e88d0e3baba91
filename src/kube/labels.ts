/** Labels that everything of ours carries; see docs/architecture.md. */
export const MANAGED_BY = 'app.kubernetes.io/managed-by';
const PROJECT = 'datamill.io/project';
const HOME = 'datamill.io/home';
export const COMPONENT = 'datamill.io/component';
export const DATA_MILL = 'data-mill';

/** Who a flavour is in the cluster: a project in the namespace where it is at home. */
export interface Identity {
  project: string;
  namespace: string;
}

/** Labels of an object that we make ourselves. */
export function ownLabels(identity: Identity, component?: string): Record<string, string> {
  return { [MANAGED_BY]: DATA_MILL, ...releaseLabels(identity, component) };
}

/** Labels that a release carries: Helm itself is its manager. */
export function releaseLabels({ project, namespace }: Identity, component?: string): Record<string, string> {
  return {
    [PROJECT]: project,
    [HOME]: namespace,
    ...(component === undefined ? {} : { [COMPONENT]: component }),
  };
}

export function ownSelector(identity: Identity): string {
  return Object.entries(ownLabels(identity))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

export function isOurs(labels: Record<string, string> | undefined, identity: Identity): boolean {
  return labels?.[PROJECT] === identity.project && labels[HOME] === identity.namespace;
}
