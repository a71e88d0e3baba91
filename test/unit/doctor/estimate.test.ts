import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { estimate } from '../../../src/doctor/estimate.ts';
import { isTight, isTrifle } from '../../../src/doctor/tight.ts';
import { certainKinds } from '../../../src/doctor/kinds.ts';
import { roomOf } from '../../../src/doctor/room.ts';
import { resolve } from '../../../src/resolve/resolve.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { parseQuantity } from '../../../src/util/quantity.ts';
import { component, resolveFiles, workspace } from '../../helpers/workspace.ts';
import { node } from '../kube/diagnose/cluster.ts';

function flavour(values: string, requires = '{}') {
  return component(
    resolveFiles(
      `components:\n  app:\n    chart: { path: . }\n    requires: ${requires}\n    values: ${values}\n`,
    ),
    'app',
  );
}

describe('an estimate', () => {
  it('is the more of what is declared and what the values ask for', () => {
    const { sum, largest } = estimate(
      flavour(
        '{ worker: { replicas: 4, resources: { requests: { cpu: 500m }, limits: { memory: 1Gi } } } }',
        '{ cpu: "1", memory: 8Gi }',
      ),
    );
    expect(Object.fromEntries(sum)).toEqual({ cpu: 2, memory: 8 * 2 ** 30, pods: 4 });
    expect(Object.fromEntries(largest)).toEqual({ cpu: 0.5, memory: 2 ** 30 });
  });

  it('leaves out what is switched off, and the storage of claims', () => {
    const { sum } = estimate(
      flavour(
        '{ a: { enabled: false, resources: { requests: { cpu: 9 } } }, b: { replicas: 0, resources: { requests: { cpu: 9 } } }, persistence: { resources: { requests: { storage: 10Ti } } } }',
      ),
    );
    expect(sum.get('cpu') ?? 0).toBe(0);
    expect(sum.has('storage')).toBe(false);
  });

  it('of the packaged components is no less than they declare', () => {
    const { components } = resolve({ flavours: [join(packageRoot, 'flavours', 'default.yaml')] });
    expect(components.map(({ name }) => name)).toEqual(['minio', 'dask', 'mlflow']);
    for (const one of components)
      expect(estimate(one).sum.get('cpu'), one.name).toBeGreaterThanOrEqual(
        parseQuantity(one.spec.requires.cpu)!,
      );
  });

  it('is tight when the sum or the largest container may not fit', () => {
    const rooms = (cpu: string) =>
      roomOf(
        [
          node('a', { allocatable: { cpu, memory: '1Gi', pods: '10' } }),
          node('b', { allocatable: { cpu, memory: '1Gi', pods: '10' } }),
        ],
        [],
      );
    const one = estimate(flavour('{ replicas: 2, resources: { requests: { cpu: 2 } } }'));
    expect(isTight([one], rooms('2'))).toBe(false);
    expect(isTight([one, one], rooms('3'))).toBe(true);
    expect(isTight([estimate(flavour('{ resources: { requests: { cpu: 3 } } }'))], rooms('2'))).toBe(true);
  });

  it('is a trifle on many nodes only', () => {
    const many = Array.from({ length: 40 }, (_, index) => node(`n${index}`));
    const one = estimate(flavour('{ resources: { requests: { cpu: 4 } } }'));
    expect(isTrifle([one], roomOf(many, undefined))).toBe(true);
    expect(isTrifle(Array(10).fill(one), roomOf(many, undefined))).toBe(false);
    expect(isTrifle([one], roomOf(many.slice(0, 5), undefined))).toBe(false);
  });
});

describe('the kinds that a chart makes for certain', () => {
  it('are those of templates under no condition', () => {
    const chart = workspace({
      'templates/deployment.yaml':
        '{{- /* why\nso */ -}}\n{{- $name := .Release.Name }}\n# a comment\napiVersion: apps/v1\nkind: Deployment\n',
      'templates/role.yaml':
        '{{- if .Values.rbac }}\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{{- end }}\n',
      'templates/hook.yaml':
        'apiVersion: batch/v1\nkind: Job\nmetadata: { annotations: { helm.sh/hook: post-install } }\n',
      'templates/ingress.yaml': 'apiVersion: {{ .Values.api }}\nkind: Ingress\n',
      'templates/_helpers.tpl': 'apiVersion: v1\nkind: Secret\n',
      'templates/NOTES.txt': 'apiVersion: v1\nkind: Secret\n',
    });
    expect(certainKinds(chart)).toEqual([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
  });

  it('are none of what is no folder', () => {
    expect(certainKinds(join(workspace({ 'x.tgz': '' }), 'x.tgz'))).toEqual([]);
  });
});
