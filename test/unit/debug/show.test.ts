import { describe, expect, it } from 'vitest';
import { shownPod } from '../../../src/debug/show.ts';
import type { KubeObject } from '../../../src/kube/types.ts';

const container = {
  name: 'app',
  image: 'app:1',
  command: ['serve', '--password=hunter22', '--port=80', '--api-key', 'k3y-of-mine', '--verbose'],
  args: ['postgres://user:s3cretpass@db/x'],
  env: [
    { name: 'DB_PASSWORD', value: 'hunter22' },
    { name: 'AWS_SECRET_ACCESS_KEY', value: 'abc/def' },
    { name: 'DATABASE_URL', value: 'postgres://user:s3cretpass@db/x' },
    { name: 'JAVA_OPTS', value: '-Xmx1g -Dtoken=t0k3n' },
    { name: 'KEYBOARD', value: 'us' },
    { name: 'FROM', valueFrom: { secretKeyRef: { name: 's', key: 'password' } } },
  ],
};

const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'app-0',
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(container),
      kept: 'yes',
    },
    ...{ managedFields: [{ manager: 'kubectl' }] },
  },
  spec: { containers: [container], initContainers: [container], nodeName: 'one' },
  status: { phase: 'Running' },
};

describe('a pod that is shown', () => {
  const text = JSON.stringify(shownPod(pod));

  it('tells no secret value, wherever it stands', () => {
    for (const secret of ['hunter22', 'abc/def', 's3cretpass', 't0k3n', 'k3y-of-mine'])
      expect(text).not.toContain(secret);
  });

  it('tells everything else', () => {
    for (const word of [
      'app:1',
      '--port=80',
      '--verbose',
      '-Xmx1g',
      '"us"',
      'secretKeyRef',
      'one',
      'Running',
      'kept',
    ])
      expect(text).toContain(word);
    expect(text).not.toContain('managedFields');
  });

  it('is not changed itself', () => {
    expect(JSON.stringify(pod)).toContain('hunter22');
  });
});
