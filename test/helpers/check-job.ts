import { setTimeout as sleep } from 'node:timers/promises';
import { resolve } from '../../src/resolve/resolve.ts';
import { applyObjects, get, kubectl } from './cluster.ts';

/** The words of a check of the kind `job`: see schemas/component.json. */
interface JobCheck {
  image: string;
  command: string[];
  env?: Record<string, string>;
  secret_env?: Record<string, { name: string; key: string }>;
  timeout: number;
}

/** Runs the job that a component of a flavour declares as its check, as a person would by hand. */
export async function runCheck(
  flavour: string,
  namespace: string,
  component: string,
): Promise<{ succeeded: boolean; log: string }> {
  const { components } = resolve({ flavours: [flavour], namespace });
  const { checks } = components.find(({ name }) => name === component)!;
  const { name, job } = checks.find((check) => 'job' in check) as { name: string; job: JobCheck };
  const full = `check-${component}-${name}`;
  await applyObjects(manifest(full, namespace, job));
  try {
    return await outcome(full, namespace, job.timeout);
  } finally {
    await kubectl('delete', 'job', full, '-n', namespace, '--cascade=foreground', '--wait');
  }
}

async function outcome(name: string, namespace: string, seconds: number) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const { status } = await get(namespace, 'jobs', name);
    if (status.succeeded > 0 || status.failed > 0 || performance.now() > deadline) {
      const log = await kubectl('logs', `job/${name}`, '-n', namespace).catch(String);
      return { succeeded: status.succeeded > 0, log };
    }
    await sleep(300);
  }
}

function manifest(name: string, namespace: string, job: JobCheck): object {
  const env = [
    ...Object.entries(job.env ?? {}).map(([key, value]) => ({ name: key, value })),
    ...Object.entries(job.secret_env ?? {}).map(([key, secretKeyRef]) => ({
      name: key,
      valueFrom: { secretKeyRef },
    })),
  ];
  const securityContext = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
  const volumeMounts = [{ name: 'tmp', mountPath: '/tmp' }];
  const { image, command } = job;
  const container = { name: 'check', image, command, env, securityContext, volumeMounts };
  const spec = {
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: { backoffLimit: 0, template: { spec } },
  };
}
