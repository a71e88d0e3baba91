import { nearestName } from '../config/nearest.ts';
import { configError, refusedError, unreachableError } from '../errors.ts';
import type { Driver, TargetHandle, TargetSpec } from './contract.ts';
import { KubeconfigList, kubeconfigFiles } from './kubeconfig-list.ts';

/** A cluster that somebody else made: a context of an existing kubeconfig. */
export const hybrid: Driver = {
  name: 'hybrid',
  simulated: false,
  ownsCluster: false,
  abilities: {
    stop: false,
    nodes: true,
    sizes: false,
    images: false,
    gpu: undefined,
    billed: false,
    tried: 'cluster',
  },
  detect: async () => [],
  status: async (spec) => {
    await connect(spec);
    return 'running';
  },
  up: connect,
  connect: (spec) => connect(spec),
  stop: () => refuse('stop'),
  destroy: () => refuse('destroy'),
  plan: async () => [],
  planEnd: (_, verb) => refuse(verb),
  costs: () => [],
  loadImages: async () => {
    throw refusedError('NO_IMAGE_LOADING', 'images cannot be handed to an existing cluster from files', {
      hint: 'push them to a registry that it can reach',
    });
  },
};

async function refuse(verb: string): Promise<never> {
  throw refusedError('NOT_OUR_CLUSTER', `datamill did not make this cluster and will not ${verb} it.`, {
    hint: '`datamill down` removes what datamill installed in it.',
  });
}

/** Checks the kubeconfig and the context; whether the API server answers shows when it is asked. */
async function connect(spec: TargetSpec): Promise<TargetHandle> {
  const list = await KubeconfigList.read(spec.config === undefined ? kubeconfigFiles() : [spec.config]);
  const names = list.contexts;
  const context = spec.context ?? list.currentContext;
  if (!context) {
    throw configError('NO_CONTEXT', `No context is named, and ${list.name} has no current one.`, {
      hint: `Its contexts are ${listed(names)}.`,
    });
  }
  if (!names.includes(context)) {
    const near = nearestName(context, names);
    const question = near === undefined ? '' : `Did you mean ${JSON.stringify(near)}? `;
    throw unreachableError('UNKNOWN_CONTEXT', `${list.name} has no context ${JSON.stringify(context)}.`, {
      hint: `${question}Its contexts are ${listed(names)}.`,
    });
  }
  return { driver: 'hybrid', kubeconfig: await list.fileOf(context), context, simulated: false };
}

function listed(names: string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
