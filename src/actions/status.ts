import type { ComponentState } from '../plan/assess.ts';
import { driverFor } from '../targets/index.ts';
import { unwanted } from './removal.ts';
import { type ActionOptions, openResolved, resolveForTarget, targetIO, targetSpec } from './session.ts';
import { compareWithCluster } from './wanted.ts';

export interface StatusLink {
  name: string;
  service: string;
  port: number | string;
}

export interface ComponentStatus {
  name: string;
  release: string;
  namespace: string;
  revision: number;
  chart: string;
  state: ComponentState;
  ready: boolean;
  message: string;
  links: StatusLink[];
}

export interface StatusResult {
  flavour: string;
  namespace: string;
  target: { driver: string; context: string; kubernetes: string; simulated: boolean; state: string };
  components: ComponentStatus[];
  /** Of this project in the cluster, but not in the flavour. */
  leftover: string[];
}

/** How the components of a flavour are in the cluster. A target that is not there has none. */
export async function status(options: ActionOptions): Promise<StatusResult> {
  const { resolved, target } = resolveForTarget(options);
  const driver = driverFor(target.driver);
  const state = driver.ownsCluster
    ? await driver.status(targetSpec(target, resolved), targetIO(options))
    : 'running';
  const { k8s_namespace: namespace } = resolved.project;
  if (state !== 'running') {
    const components = resolved.components.map(
      (component): ComponentStatus => ({
        ...identify(component),
        revision: 0,
        chart: '',
        state: 'absent',
        ready: false,
        message: `the target is ${state}`,
        links: [],
      }),
    );
    return {
      flavour: resolved.flavour,
      namespace,
      target: { driver: driver.name, context: '', kubernetes: '', simulated: driver.simulated, state },
      components,
      leftover: [],
    };
  }
  const session = await openResolved(resolved, target, options, 'connect');
  try {
    const { wanted, live } = await compareWithCluster(session, options.signal);
    const components = wanted.map(({ component, assessment }): ComponentStatus => {
      const { record, revision } = assessment;
      return {
        ...identify(component),
        revision: revision?.revision ?? 0,
        chart: record?.chart ?? '',
        state: assessment.state,
        ready: assessment.ready,
        message: assessment.state === 'absent' ? '' : assessment.message,
        links: Object.entries(component.links).map(([name, { service, port }]) => ({ name, service, port })),
      };
    });
    return {
      flavour: resolved.flavour,
      namespace,
      target: {
        driver: driver.name,
        context: session.handle.context,
        kubernetes: session.kubernetes,
        simulated: session.handle.simulated,
        state,
      },
      components,
      leftover: options.components?.length ? [] : unwanted(live, session).map(({ component }) => component),
    };
  } finally {
    session.close();
  }
}

function identify({ name, release, namespace }: { name: string; release: string; namespace: string }) {
  return { name, release, namespace };
}
