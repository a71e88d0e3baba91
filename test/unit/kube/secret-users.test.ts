import { describe, expect, it } from 'vitest';
import { rolledAnnotation, secretsOf, whyNotRolled } from '../../../src/kube/secret-users.ts';

/** A pod with one container. */
function pod(container: object, more: object = {}): object {
  return { containers: [{ name: 'main', image: 'x:1', ...container }], ...more };
}

describe('the Secrets that a pod refers to', () => {
  it.each<[string, object]>([
    ['a variable', pod({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'auth', key: 'k' } } }] })],
    [
      'all variables',
      pod({ envFrom: [{ secretRef: { name: 'auth' } }, { configMapRef: { name: 'other' } }] }),
    ],
    ['a volume', pod({}, { volumes: [{ name: 'other', secret: { secretName: 'auth' } }] })],
    [
      'a projected volume',
      pod(
        {},
        {
          volumes: [
            {
              name: 'other',
              projected: {
                sources: [
                  { secret: { name: 'auth', items: [{ key: 'k', path: 'other' }] } },
                  { configMap: { name: 'other' } },
                ],
              },
            },
          ],
        },
      ),
    ],
    ['the pull of images', pod({}, { imagePullSecrets: [{ name: 'auth' }] })],
    [
      'an init container',
      { ...pod({}), initContainers: [{ name: 'a', envFrom: [{ secretRef: { name: 'auth' } }] }] },
    ],
    [
      'a driver of volumes',
      pod({}, { volumes: [{ name: 'v', csi: { driver: 'd', nodePublishSecretRef: { name: 'auth' } } }] }),
    ],
  ])('are found in %s', (_, spec) => {
    expect([...secretsOf(spec)]).toEqual(['auth']);
  });

  it('are none where only something is called so', () => {
    const spec = pod(
      { env: [{ name: 'secretName', value: 'auth' }], command: ['secret', 'auth'] },
      { serviceAccountName: 'auth', volumes: [{ name: 'auth', emptyDir: {} }] },
    );

    expect([...secretsOf(spec)]).toEqual([]);
    expect([...secretsOf(undefined)]).toEqual([]);
  });
});

describe('what cannot be rolled', () => {
  const of = (kind: string, spec: Record<string, unknown> = {}) =>
    whyNotRolled({ apiVersion: 'v1', kind, metadata: { name: 'x' }, spec });

  it.each(['Deployment', 'StatefulSet', 'DaemonSet'])('is no %s', (kind) => {
    expect(of(kind)).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['Deployment', { paused: true }, /paused/],
    ['StatefulSet', { updateStrategy: { type: 'OnDelete' } }, /OnDelete/],
    ['DaemonSet', { updateStrategy: { type: 'OnDelete' } }, /OnDelete/],
    ['CronJob', {}, /next run/],
    ['Job', {}, /old value/],
    ['Pod', {}, /start it again/],
  ])('says why: %s %j', (kind, spec, reason) => {
    expect(of(kind, spec)).toMatch(reason);
  });
});

describe('the mark on a pod template', () => {
  it.each(['auth', 'a'.repeat(63), 'a'.repeat(64), `${'a'.repeat(49)}.${'b'.repeat(200)}`])(
    'is an annotation that the API server takes: %s',
    (name) => {
      const [prefix, part] = rolledAnnotation(name).split('/');

      expect(prefix).toBe('secret.datamill.io');
      expect(part).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
    },
  );

  it('differs for long names that begin alike', () => {
    expect(rolledAnnotation(`${'a'.repeat(80)}1`)).not.toBe(rolledAnnotation(`${'a'.repeat(80)}2`));
  });
});
