import * as z from 'zod';
import { parseQuantity } from '../../util/quantity.ts';
import type { PodSettings, Resources } from './settings.ts';

const text = z.string();
const quantity = z
  .union([text, z.number()])
  .refine((value) => parseQuantity(value) !== undefined, {
    error: 'expected a quantity such as 500m, 2 or 4Gi',
  })
  .transform(String);
/** One value for request and limit, or both apart. */
const amount = z.union([
  quantity,
  z.strictObject({ request: quantity.optional(), limit: quantity.optional() }),
]);
const seconds = z
  .union([z.number().int().positive(), z.string().regex(/^(\d+(\.\d+)?(h|m|s))+$/)], {
    error: 'expected seconds, or a time such as 90s, 30m or 1h30m',
  })
  .transform(toSeconds);
const duration = z.union([z.number().int(), text]).transform(String);

const pod = {
  image: text.optional(),
  cpu: amount.optional(),
  memory: amount.optional(),
  ephemeralStorage: amount.optional(),
  gpu: z.number().int().nonnegative().optional(),
  gpuResource: text.optional(),
  timeout: seconds.optional(),
  retry: z
    .strictObject({
      limit: z.number().int().nonnegative().optional(),
      retryPolicy: z.enum(['Always', 'OnFailure', 'OnError', 'OnTransientError']).optional(),
      expression: text.optional(),
      backoff: z
        .strictObject({
          duration: duration.optional(),
          factor: z.number().positive().optional(),
          maxDuration: duration.optional(),
        })
        .optional(),
    })
    .optional(),
  env: z.record(text, z.union([text, z.number(), z.boolean()]).transform(String)).optional(),
  secretEnv: z.array(text).optional(),
  nodeSelector: z.record(text, text).optional(),
  tolerations: z.array(z.record(text, z.unknown())).optional(),
};

const podBlock = z.strictObject(pod);

/** The block `argo:` of soopervisor.yaml, which is data-mill's own. */
export const argoBlock = z.strictObject({
  ...pod,
  namespace: text.optional(),
  serviceAccountName: text.optional(),
  claim: text.optional(),
  mountPath: text.regex(/^\/[^:]*$/, { error: 'expected an absolute path' }).optional(),
  subPath: text.optional(),
  accessMode: z.enum(['ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod', 'ReadOnlyMany']).optional(),
  podGC: z.enum(['OnPodCompletion', 'OnPodSuccess', 'OnWorkflowCompletion', 'OnWorkflowSuccess']).optional(),
  ttlSecondsAfterCompletion: z.number().int().nonnegative().optional(),
  parallelism: z.number().int().positive().optional(),
  failFast: z.boolean().optional(),
  schedule: z.union([text, z.array(text)]).optional(),
  timezone: text.optional(),
  tasks: z.record(text, podBlock).optional(),
});

/** Settings of pods out of a block, with quantities where Kubernetes wants them. */
export function toPodSettings(block: z.infer<typeof podBlock>): PodSettings {
  const { image, timeout, env, secretEnv, nodeSelector, tolerations } = block;
  const all: PodSettings = {
    image,
    timeout,
    env,
    secretEnv,
    nodeSelector,
    tolerations,
    resources: resourcesOf(block),
    retry: retryOf(block.retry),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function resourcesOf(block: z.infer<typeof podBlock>): Resources | undefined {
  const resources: Resources = { requests: {}, limits: {} };
  // CPU beyond the request may be used while nobody else wants it; memory and disk may not.
  put(resources, 'cpu', block.cpu, false);
  put(resources, 'memory', block.memory, true);
  put(resources, 'ephemeral-storage', block.ephemeralStorage, true);
  if (block.gpu !== undefined && block.gpu > 0)
    resources.limits[block.gpuResource ?? 'nvidia.com/gpu'] = String(block.gpu);
  const empty = Object.keys(resources.requests).length + Object.keys(resources.limits).length === 0;
  return empty ? undefined : resources;
}

function put(
  resources: Resources,
  name: string,
  given: z.infer<typeof amount> | undefined,
  limited: boolean,
): void {
  if (given === undefined) return;
  const { request, limit } =
    typeof given === 'string' ? { request: given, limit: limited ? given : undefined } : given;
  if (request !== undefined) resources.requests[name] = request;
  if (limit !== undefined) resources.limits[name] = limit;
}

function retryOf(retry: z.infer<typeof podBlock>['retry']): Record<string, unknown> | undefined {
  if (retry === undefined) return undefined;
  const { limit, retryPolicy, expression, backoff } = retry;
  const factor = backoff?.factor === undefined ? {} : { factor: String(backoff.factor) };
  return {
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...(expression === undefined ? {} : { expression }),
    ...(backoff === undefined ? {} : { backoff: { ...backoff, ...factor } }),
  };
}

function toSeconds(value: number | string): number {
  if (typeof value === 'number') return value;
  const factors: Record<string, number> = { h: 3600, m: 60, s: 1 };
  return [...value.matchAll(/(\d+(?:\.\d+)?)([hms])/g)].reduce(
    (sum, [, amount, unit]) => sum + Math.round(Number(amount) * factors[unit!]!),
    0,
  );
}
