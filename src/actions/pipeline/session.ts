import type { Platform } from '../../pipeline/index.ts';
import type { Resolved } from '../../resolve/types.ts';
import { type ActionOptions, openSession, type Session } from '../session.ts';
import type { ExportPipelineOptions } from './export.ts';

/** What a command takes that works on a project in a cluster. `namespace` is that of the workflows. */
export interface RunPipelineOptions
  extends Omit<ActionOptions, 'namespace'>,
    Omit<ExportPipelineOptions, 'file' | 'platform' | 'code' | 'tasks' | 'target'> {
  /** Target environment of a soopervisor.yaml that has several. */
  soopervisorEnv?: string;
}

/** The options that the room for pipelines takes. */
export function pipelineOptions<T extends RunPipelineOptions>(options: T, session: Session) {
  return {
    ...options,
    cwd: options.cwd ?? process.cwd(),
    target: options.soopervisorEnv,
    platform: platformOf(session.resolved),
  };
}

/** What the flavour's components, or what it declares from outside, offer to pipelines. */
function platformOf({ components, external }: Resolved): Platform {
  const field = (capability: string, name: string) => {
    const provider = components.find(({ provides }) => provides[capability] !== undefined);
    const value = (external[capability] ?? provider?.provides[capability])?.[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    namespace: field('argo', 'namespace'),
    serviceAccount: field('argo', 'serviceAccount'),
    claim: field('shared-disk', 'claim'),
  };
}

/** Reaches the target of the flavour. */
export async function openPipelineSession(options: RunPipelineOptions): Promise<Session> {
  // The namespace is that of the workflows, which need not be the flavour's.
  return await openSession({ ...options, namespace: undefined }, 'connect');
}
