import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { isMine, isOrphan, labelWord } from '../../../src/debug/labels.ts';
import { debugPod } from '../../../src/debug/pod.ts';
import type { KubeObject } from '../../../src/kube/types.ts';

const identity = { project: 'lake', namespace: 'team-a' };
const make = (more: Partial<Parameters<typeof debugPod>[0]> = {}) =>
  debugPod({ identity, kind: 'net', privileged: false, ttl: 90, ...more });
const user = process.env.USER;

afterEach(() => {
  if (user === undefined) delete process.env.USER;
  else process.env.USER = user;
});

describe('a debug pod', () => {
  it('meets the restricted Pod Security Standard', () => {
    const { spec } = make() as KubeObject & { spec: Record<string, never> };
    expect(spec).toMatchObject({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
      automountServiceAccountToken: false,
    });
    expect(JSON.stringify(spec)).not.toMatch(/hostPath|hostNetwork|hostPID|privileged/);
  });

  it('ends by itself', () => {
    expect(make().spec).toMatchObject({ activeDeadlineSeconds: 90, restartPolicy: 'Never' });
    expect(make({ ttl: 0.4 }).spec?.activeDeadlineSeconds).toBe(1);
  });

  it('has a name and labels that Kubernetes takes, whatever the user is called', () => {
    for (const name of ['J. Doe+Müller@EXAMPLE', '-', '名前', 'x'.repeat(300), `${'a'.repeat(39)}-b`]) {
      process.env.USER = name;
      const { metadata } = make();
      expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(metadata.name.length).toBeLessThanOrEqual(63);
      for (const value of Object.values(metadata.labels!))
        expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
    }
  });

  it('knows its owner, and whether the process that made it still lives', () => {
    const pod = make();
    expect(isMine(pod)).toBe(true);
    expect(isOrphan(pod)).toBe(false);
    const { annotations } = pod.metadata;
    const [machine] = annotations!['datamill.io/process']!.split('/');
    const gone = {
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: {
          'datamill.io/holder': annotations!['datamill.io/holder']!.replace(/\d+$/, '999999999'),
          'datamill.io/process': `${machine}/1`,
        },
      },
    };
    expect(isOrphan(gone)).toBe(true);
    const elsewhere = {
      ...gone,
      metadata: { ...gone.metadata, annotations: { 'datamill.io/holder': `x@${hostname()}-2/999999999` } },
    };
    expect(isOrphan(elsewhere)).toBe(false);
    expect(isMine(elsewhere)).toBe(false);
  });

  it('names no empty label', () => {
    expect(labelWord('***')).toBe('user');
  });
});
