import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/kube/types.ts';
import { diffLines, unifiedHunks } from '../../../src/plan/diff/lines.ts';
import { diffObjects, renderChanges } from '../../../src/plan/diff.ts';

function deployment(spec: Record<string, unknown>, meta: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'minio', namespace: 'data-mill', ...meta },
    spec,
  };
}

function config(data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data };
}

function secret(more: Record<string, unknown>): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'auth' }, type: 'Opaque', ...more };
}

const withContainers = (...containers: Record<string, unknown>[]) =>
  deployment({ template: { spec: { containers } } });
const paths = (before: KubeObject, after: KubeObject) =>
  diffObjects([before], [after]).map((change) => change.path);
const text = (before: KubeObject[], after: KubeObject[]) =>
  renderChanges(diffObjects(before, after), { color: false });

describe('diffObjects', () => {
  it('says what changed, from what to what', () => {
    expect(diffObjects([deployment({ replicas: 1 })], [deployment({ replicas: 2 })])).toEqual([
      {
        kind: 'Deployment',
        name: 'minio',
        namespace: 'data-mill',
        path: 'spec.replicas',
        before: 1,
        after: 2,
      },
    ]);
  });

  it('finds nothing between equal objects, in whatever order their keys stand', () => {
    const one = deployment({ replicas: 1, paused: null, strategy: { type: 'Recreate', x: [1, 2] } });
    const same = deployment({ strategy: { x: [1, 2], type: 'Recreate' }, replicas: 1 });
    expect(diffObjects([one], [same])).toEqual([]);
    expect(renderChanges([], { color: false })).toBe('');
  });

  it('gives an object that came or went as a whole', () => {
    const added = config({ a: '1' });
    expect(diffObjects([], [added])).toEqual([
      { kind: 'ConfigMap', name: 'settings', path: '', before: undefined, after: added },
    ]);
    expect(diffObjects([added], [])[0]).toMatchObject({ path: '', before: added, after: undefined });
  });

  it('takes a new version of an API for the same object, another group for another', () => {
    const budget = (apiVersion: string) => ({
      apiVersion,
      kind: 'PodDisruptionBudget',
      metadata: { name: 'a' },
    });
    expect(diffObjects([budget('policy/v1beta1')], [budget('policy/v1')])).toMatchObject([
      { path: 'apiVersion' },
    ]);
    expect(diffObjects([budget('policy/v1')], [budget('example.com/v1')])).toHaveLength(2);
  });

  it('leaves out what servers and tools write by themselves', () => {
    const live = deployment(
      { replicas: 1 },
      {
        uid: 'u',
        resourceVersion: '12',
        generation: 3,
        creationTimestamp: '2026-11-21T08:00:00Z',
        managedFields: [{ manager: 'helm' }],
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'meta.helm.sh/release-name': 'minio',
          'meta.helm.sh/release-namespace': 'data-mill',
          'deployment.kubernetes.io/revision': '4',
        },
      },
    );
    expect(diffObjects([{ ...live, status: { replicas: 1 } }], [deployment({ replicas: 1 })])).toEqual([]);
  });

  it('still sees other annotations and labels', () => {
    const annotated = deployment(
      {},
      { annotations: { 'example.com/a': 'x' }, labels: { 'app.kubernetes.io/name': 'b', app: 'c' } },
    );
    const other = deployment(
      {},
      { annotations: { 'example.com/a': 'y' }, labels: { 'app.kubernetes.io/name': 'd', app: 'e' } },
    );
    expect(paths(annotated, other)).toEqual([
      'metadata.labels["app.kubernetes.io/name"]',
      'metadata.labels.app',
      'metadata.annotations["example.com/a"]',
    ]);
  });

  it('compares named things by name, wherever they stand', () => {
    const before = withContainers(
      { name: 'minio', image: 'm:1', env: [{ name: 'A', value: '1' }] },
      { name: 'proxy', image: 'p:1' },
    );
    const after = withContainers(
      { name: 'proxy', image: 'p:1' },
      {
        name: 'minio',
        image: 'm:2',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
    );
    expect(diffObjects([before], [after]).map(({ path, before, after }) => [path, before, after])).toEqual([
      ['spec.template.spec.containers[name=minio].image', 'm:1', 'm:2'],
      ['spec.template.spec.containers[name=minio].env[name=B]', undefined, { name: 'B', value: '2' }],
    ]);
  });

  it('compares other lists by place, or as a whole when scalars were added', () => {
    expect(paths(deployment({ args: ['a', 'b'] }), deployment({ args: ['a', 'c'] }))).toEqual([
      'spec.args[1]',
    ]);
    expect(diffObjects([deployment({ args: ['a'] })], [deployment({ args: ['x', 'a'] })])).toMatchObject([
      { path: 'spec.args', before: ['a'], after: ['x', 'a'] },
    ]);
    const mounts = (...list: object[]) => deployment({ mounts: list });
    const twice = mounts({ name: 'data', mountPath: '/a' }, { name: 'data', mountPath: '/b' });
    expect(
      paths(twice, mounts({ name: 'data', mountPath: '/a' }, { name: 'data', mountPath: '/c' })),
    ).toEqual(['spec.mounts[1].mountPath']);
    expect(paths(mounts(), mounts({ name: 'a' }))).toEqual(['spec.mounts[name=a]']);
  });

  it('sees a value that becomes a map, and one that goes', () => {
    expect(diffObjects([deployment({ a: 'x', b: 1 })], [deployment({ a: { y: 1 } })])).toMatchObject([
      { path: 'spec.a', before: 'x', after: { y: 1 } },
      { path: 'spec.b', before: 1, after: undefined },
    ]);
  });
});

describe('Secrets', () => {
  const clear = 'hunter2-hunter2';
  const encoded = Buffer.from(clear).toString('base64');

  it.each([
    [
      'changed',
      [secret({ data: { password: encoded, same: 'eA==' } })],
      [secret({ data: { password: 'b3RoZXI=', same: 'eA==' } })],
    ],
    [
      'changed in clear',
      [secret({ stringData: { password: clear } })],
      [secret({ stringData: { password: 'other' } })],
    ],
    ['added', [], [secret({ stringData: { password: clear } })]],
    ['removed', [secret({ data: { password: encoded } })], []],
    ['given its first data', [secret({})], [secret({ data: { password: encoded } })]],
    ['given a key with dots', [secret({ data: {} })], [secret({ data: { 'pass.word': encoded } })]],
  ])('never show a value that is %s', (_name, before, after) => {
    const changes = diffObjects(before, after);
    expect(changes).toHaveLength(1);
    const shown = JSON.stringify(changes) + renderChanges(changes, { color: true });
    for (const value of [clear, encoded, 'b3RoZXI', 'other']) expect(shown).not.toContain(value);
  });

  it('say which key changed', () => {
    const changes = diffObjects(
      [secret({ data: { a: 'eA==', b: 'eA==' } })],
      [secret({ data: { a: 'eA==', b: 'eQ==' } })],
    );
    expect(changes).toMatchObject([{ path: 'data.b', before: '*** (before)', after: '*** (after)' }]);
    expect(renderChanges(changes, { color: false })).toBe(
      '~ Secret/auth\n    data.b: *** (before) -> *** (after)\n',
    );
  });

  it('are equal in clear and as the server keeps them', () => {
    expect(
      diffObjects([secret({ stringData: { password: clear } })], [secret({ data: { password: encoded } })]),
    ).toEqual([]);
  });
});

describe('renderChanges', () => {
  it('groups by object', () => {
    const before = [deployment({ replicas: 1, old: true }), config({ a: '1' })];
    const after = [deployment({ replicas: 2, extra: 'x y' }), { ...config({}), metadata: { name: 'other' } }];
    expect(text(before, after)).toBe(
      [
        '~ Deployment/minio (data-mill)',
        '    spec.replicas: 1 -> 2',
        '  - spec.old: true',
        '  + spec.extra: x y',
        '- ConfigMap/settings',
        '+ ConfigMap/other',
        '',
      ].join('\n'),
    );
  });

  it('tells a number from a text that looks like one', () => {
    expect(text([config({ a: 'true' })], [config({ a: '1' })])).toContain('data.a: "true" -> "1"');
  });

  it('shows what is large as YAML', () => {
    const env = {
      name: 'MANY',
      valueFrom: {
        secretKeyRef: { name: 'a-secret-with-a-long-name', key: 'and-a-key-with-a-long-name-too' },
      },
    };
    const shown = text([withContainers({ name: 'a', env: [] })], [withContainers({ name: 'a', env: [env] })]);
    expect(shown).toContain(
      '  + spec.template.spec.containers[name=a].env[name=MANY]:\n      +name: MANY\n      +valueFrom:\n      +  secretKeyRef:\n',
    );
  });

  it('shows texts of several lines as hunks with two lines around them', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);
    const changed = lines
      .map((line) => (line === 'line 10' ? 'line ten' : line))
      .filter((line) => line !== 'line 25');
    expect(text([config({ conf: lines.join('\n') })], [config({ conf: changed.join('\n') })])).toBe(
      [
        '~ ConfigMap/settings',
        '    data.conf:',
        '      @@ -8,5 +8,5 @@',
        '       line 8',
        '       line 9',
        '      -line 10',
        '      +line ten',
        '       line 11',
        '       line 12',
        '      @@ -23,5 +23,4 @@',
        '       line 23',
        '       line 24',
        '      -line 25',
        '       line 26',
        '       line 27',
        '',
      ].join('\n'),
    );
  });

  it('colours only when asked to', () => {
    const changes = diffObjects([], [config({})]);
    expect(renderChanges(changes, { color: true })).toBe('\u001b[32m+ ConfigMap/settings\u001b[39m\n');
    expect(renderChanges(changes, { color: false })).toBe('+ ConfigMap/settings\n');
  });
});

describe('diffLines', () => {
  /** The same numbers every time, so that a failure can be repeated. */
  function numbers(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % below;
    };
  }

  it('gives both texts back, whatever they are', () => {
    const next = numbers(7);
    for (let round = 0; round < 200; round += 1) {
      const make = () => Array.from({ length: next(12) }, () => 'abc'[next(3)]).join('\n');
      const [before, after] = [make(), make()];
      const lines = diffLines(before, after);
      const side = (other: string) =>
        lines
          .filter((line) => line.mark !== other)
          .map((line) => line.text)
          .join('\n');
      expect([side('+'), side('-')]).toEqual([before, after]);
    }
  });

  it('finds the shortest way', () => {
    expect(diffLines('a\nb\nc\nd', 'a\nc\nx\nd').filter((line) => line.mark !== ' ')).toEqual([
      { mark: '-', text: 'b' },
      { mark: '+', text: 'x' },
    ]);
  });

  it('has nothing to show for equal texts, and an end for very long ones', () => {
    expect(unifiedHunks('a\nb', 'a\nb', 2)).toEqual([]);
    const many = (name: string) => Array.from({ length: 5000 }, (_, index) => `${name} ${index}`).join('\n');
    expect(unifiedHunks(many('a'), many('b'), 2)[0]).toBe('@@ -1,5000 +1,5000 @@');
  });
});
