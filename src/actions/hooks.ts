import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hook } from '../config/schema/component.ts';
import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { conditions } from '../kube/fields.ts';
import { type Identity, ownLabels } from '../kube/labels.ts';
import { create, remove } from '../kube/objects.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ResolvedComponent } from '../resolve/types.ts';

const POLL_EVERY = 500;

/**
 * Runs a hook as a Job and waits for it; one of an earlier run is replaced.
 *
 * @throws {DatamillError} HOOK (exit 1) with the last lines of its log.
 */
export async function runHook(
  api: Api,
  identity: Identity,
  component: ResolvedComponent,
  hook: Hook,
  signal?: AbortSignal,
): Promise<void> {
  const job = hookJob(identity, component, hook);
  const { name } = job.metadata;
  const { namespace } = component;
  const ref = { apiVersion: 'batch/v1', kind: 'Job', name, namespace };
  const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`;
  if (await remove(api, ref))
    while ((await api.find(path)) !== undefined) await sleep(POLL_EVERY, undefined, { signal });
  await create(api, job);
  const deadline = Date.now() + hook.timeout * 1000;
  for (;;) {
    const state = conditions((await api.get<KubeObject>(path, { signal })) as KubeObject);
    if (state.some(({ type, status }) => type === 'Complete' && status === 'True')) return;
    const failed = state.find(({ type, status }) => type === 'Failed' && status === 'True');
    const late = Date.now() > deadline;
    if (failed !== undefined || late) {
      const reason =
        failed === undefined
          ? `it did not end within ${hook.timeout} s`
          : (failed.message ?? failed.reason ?? 'it failed');
      const log = await lastLines(api, namespace, name);
      throw new DatamillError(
        'HOOK',
        `hook ${hook.name} of ${component.name}: ${reason}${log === '' ? '' : `; its last lines: ${log}`}`,
        { hint: `kubectl -n ${namespace} logs job/${name}` },
      );
    }
    await sleep(POLL_EVERY, undefined, { signal });
  }
}

async function lastLines(api: Api, namespace: string, job: string): Promise<string> {
  try {
    const pods = await api.get<{ items: KubeObject[] }>(`/api/v1/namespaces/${namespace}/pods`, {
      query: { labelSelector: `batch.kubernetes.io/job-name=${job}` },
    });
    const pod = pods.items.at(-1)?.metadata.name;
    return pod === undefined
      ? ''
      : (
          await api.text(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
            query: { tailLines: '5' },
            retryFor: 0,
          })
        ).trim();
  } catch {
    return '';
  }
}

/** Admissible under restricted pod security, without the API's token. */
function hookJob(identity: Identity, component: ResolvedComponent, hook: Hook): KubeObject {
  const hash = createHash('sha256').update(`${component.name}/${hook.name}`).digest('hex').slice(0, 6);
  const labels = ownLabels(identity, component.name);
  const env = [
    ...Object.entries(hook.env).map(([name, value]) => ({ name, value })),
    ...Object.entries(hook.secret_env).map(([name, { name: secret, key }]) => ({
      name,
      valueFrom: { secretKeyRef: { name: secret, key } },
    })),
  ];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${component.release}-${hook.name}`.slice(0, 56).replace(/-+$/, '').concat(`-${hash}`),
      namespace: component.namespace,
      labels,
    },
    spec: {
      backoffLimit: 2,
      activeDeadlineSeconds: hook.timeout,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'hook',
              image: hook.image,
              command: hook.command,
              env,
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '512Mi' } },
            },
          ],
        },
      },
    },
  };
}
