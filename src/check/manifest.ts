import type { Check } from '../config/schema/check.ts';
import { ownLabels } from '../kube/labels.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Attempt } from './subject.ts';

/** What a Job of ours leaves when nobody removes it goes after so many seconds. */
const KEPT = 300;
/** Our own deadline comes first, so that what is told is ours. */
const LEEWAY = 5;

/**
 * The Job of a check: admissible under restricted pod security, without the API's token, and gone
 * in time even when we are killed.
 */
export function jobManifest(
  job: NonNullable<Check['job']>,
  name: string,
  { identity, component, namespace, left }: Pick<Attempt, 'identity' | 'component' | 'namespace' | 'left'>,
): KubeObject {
  const labels = ownLabels(identity, component);
  const env = {
    // The root file system is read-only, and programs like to write to their home.
    HOME: '/tmp',
    ...job.env,
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: Math.ceil(left() / 1000) + LEEWAY,
      ttlSecondsAfterFinished: KEPT,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'check',
              image: job.image,
              command: job.command,
              env: [
                ...Object.entries(env).map(([key, value]) => ({ name: key, value })),
                ...secretsOf(job).map(({ variable, ...secretKeyRef }) => ({
                  name: variable,
                  valueFrom: { secretKeyRef },
                })),
              ],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              resources: job.resources ?? {
                requests: { cpu: '50m', memory: '64Mi' },
                limits: { cpu: '1', memory: '1Gi' },
              },
              volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: {} }],
        },
      },
    },
  };
}

/** The Secrets that a Job is given; one without a name is that of a need which nothing meets. */
export function secretsOf({
  secret_env,
}: Pick<NonNullable<Check['job']>, 'secret_env'>): Array<{ variable: string; name: string; key: string }> {
  return Object.entries(secret_env)
    .filter(([, { name }]) => name !== '')
    .map(([variable, secret]) => ({ variable, ...secret }));
}
