import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { nearestName } from '../config/nearest.ts';
import { configError, errorMessage, refusedError, unreachableError } from '../errors.ts';
import type { Driver, TargetHandle, TargetSpec } from './contract.ts';

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
      hint: 'push them to a registry that it can reach: `datamill images mirror`',
    });
  },
};

async function refuse(verb: string): Promise<never> {
  throw refusedError('NOT_OUR_CLUSTER', `datamill did not make this cluster and will not ${verb} it.`, {
    hint: '`datamill down` removes what datamill installed in it.',
  });
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: Array<{ name?: string }>;
}

/** Checks the kubeconfig and the context; whether the API server answers shows when it is asked. */
async function connect(spec: TargetSpec): Promise<TargetHandle> {
  const path = spec.config ?? defaultKubeconfig();
  const file = await read(path);
  const names = (file.contexts ?? []).map(({ name }) => name).filter((name) => name !== undefined);
  const context = spec.context ?? file['current-context'];
  if (!context) {
    throw configError('NO_CONTEXT', `No context is named, and ${path} has no current one.`, {
      hint: `Its contexts are ${listed(names)}.`,
    });
  }
  if (!names.includes(context)) {
    const near = nearestName(context, names);
    const question = near === undefined ? '' : `Did you mean ${JSON.stringify(near)}? `;
    throw unreachableError('UNKNOWN_CONTEXT', `${path} has no context ${JSON.stringify(context)}.`, {
      hint: `${question}Its contexts are ${listed(names)}.`,
    });
  }
  return { driver: 'hybrid', kubeconfig: path, context, simulated: false };
}

function listed(names: string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/** As kubectl: $KUBECONFIG, of several files the first, else ~/.kube/config. */
export function defaultKubeconfig(): string {
  const first = (process.env.KUBECONFIG ?? '').split(delimiter).find((path) => path !== '');
  return first ?? join(homedir(), '.kube', 'config');
}

async function read(path: string): Promise<Kubeconfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unreachableError('NO_KUBECONFIG', `The kubeconfig ${path} cannot be read.`, {
      hint: 'Name another one with `config`, or set KUBECONFIG.',
      cause,
    });
  }
  const { parse } = await import('yaml');
  try {
    const document: unknown = parse(text);
    if (typeof document === 'object' && document !== null) return document;
  } catch (cause) {
    throw configError('INVALID_KUBECONFIG', `${path} is not YAML: ${errorMessage(cause).split('\n')[0]}`, {
      cause,
    });
  }
  throw configError('INVALID_KUBECONFIG', `${path} is not a kubeconfig.`);
}
