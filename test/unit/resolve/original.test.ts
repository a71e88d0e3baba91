import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCatalogue } from '../../../src/catalogue/catalogue.ts';
import { resolve } from '../../../src/resolve/resolve.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { program } from '../../helpers/program.ts';
import { component, failure, resolveFiles, workspace } from '../../helpers/workspace.ts';

const folder = join(packageRoot, 'test', 'fixtures', 'original');
const file = (...parts: string[]) => join(folder, ...parts);

/** Every component of the original, under the names of its folders and of its scripts. */
const originals =
  'ambassador arangodb argo cassandra dask druid elasticsearch flink grafana horovod influxdb jupyterhub kafka kibana kubebox kubedb kubeflow kubemq longhorn metallb minio mlflow monitoring-stack nginx-ingress nifi pachyderm rabbitmq seldon spark storageos superset traefik';
const aliases = 'jhub elastic monitoring nginx_ingress seldon_crd';

const catalogue = openCatalogue([]);
/** The components that have a folder. */
const installable = catalogue.names();
/** Those that stand in for the default one. */
const standIns = ['dask-operator', 'seaweedfs'];

describe('the flavours of the original project', () => {
  it.each([
    // `all`: every component that can be installed today.
    ['default.yaml', installable.filter((name) => !standIns.includes(name))],
    ['datalake_flavour.yaml', ['minio', 'pachyderm']],
    [
      'datawarehouse_flavour.yaml',
      ['minio', 'pachyderm', 'kafka', 'rabbitmq', 'superset', 'spark', 'monitoring-stack'],
    ],
    [
      'ds_flavour.yaml',
      ['dask', 'minio', 'mlflow', 'pachyderm', 'arangodb', 'influxdb', 'superset', 'seldon', 'jupyterhub'],
    ],
    ['kubeflow_flavour.yaml', ['minio', 'pachyderm', 'kubeflow']],
  ])('%s loads unchanged', (name, wanted) => {
    const resolved = resolve({ flavours: [file('flavours', name)] });
    const planned = wanted.filter((one) => !installable.includes(one));

    expect(resolved.components.map((one) => one.name).sort()).toEqual(
      wanted.filter((one) => installable.includes(one)).sort(),
    );
    expect(resolved.unavailable.map((one) => one.name).sort()).toEqual(planned.sort());
    expect(resolved.project).toMatchObject({
      k8s_namespace: 'data-mill',
      proxy_port: 8088,
      data_folder: 'data',
    });
    expect(resolved.target).toMatchObject({
      driver: 'microk8s',
      cpus: 8,
      memory: 16288,
      storage: '60G',
      gpuSupport: true,
    });
  });

  it('are all there', () => {
    expect(readdirSync(file('flavours'))).toHaveLength(5);
    expect(readdirSync(file('targets'))).toHaveLength(2);
  });

  it('say with their places what has no meaning any more', () => {
    const { warnings } = resolve({ flavours: [file('flavours', 'default.yaml')] });

    expect(warnings.map(({ message, at }) => [message.split(' ')[0], at?.line, at?.column])).toEqual([
      ['local.use_overlay', 18, 3],
      ['local.istio_support', 20, 3],
      ['remote.bucket_name', 24, 3],
    ]);
  });

  it('take the section that a flag names', () => {
    const flavours = [file('flavours', 'default.yaml')];

    expect(resolve({ flavours, section: 'remote' }).target).toMatchObject({ driver: 'aws', nodes: 2 });
    expect(resolve({ flavours, section: 'hybrid' }).target).toMatchObject({
      driver: 'hybrid',
      config: '/home/somebody/admin.conf',
    });
  });

  it.each(readdirSync(file('flavours')))('pass `datamill validate`: %s', (name) => {
    const { code, stdout } = program(['validate', file('flavours', name)], folder, workspace());

    expect(code).toBe(0);
    expect(stdout).toContain('a valid flavour');
  });
});

describe('the targets of the original project', () => {
  it.each([
    ['default_mc.yaml', undefined, 'minikube'],
    ['default_uc.yaml', undefined, 'microk8s'],
    ['default_uc.yaml', 'remote', 'aws'],
    ['default_uc.yaml', 'hybrid', 'hybrid'],
  ] as const)('%s (%s) loads unchanged', (name, section, driver) => {
    const flavours = [file('flavours', 'kubeflow_flavour.yaml')];

    expect(resolve({ flavours, target: file('targets', name), section }).target?.driver).toBe(driver);
  });

  it.each(['rehearsal', 'minikube', 'microk8s', 'kind', 'k3s'])('know the provider %s', (provider) => {
    const flavour = `project: { flavour: minio }\nlocal: { provider: ${provider} }\n`;

    expect(resolveFiles(flavour).target?.driver).toBe(provider);
  });

  it.each(['ssh', 'aws', 'gke', 'azure'])('know the remote provider %s', (provider) => {
    const flavour = `project: { flavour: minio }\nremote: { provider: ${provider} }\n`;

    expect(resolveFiles(flavour).target?.driver).toBe(provider);
  });
});

describe('the components of the original project', () => {
  it.each(`${originals} ${aliases}`.split(' '))('can be named, and have a section: %s', (name) => {
    const resolved = resolveFiles(
      `project: { flavour: [minio, ${name}${name === 'kibana' ? ', elastic' : ''}] }\n${name}: { release: r-${name.replace('_', '-')} }\n`,
    );
    const known = [...resolved.components, ...resolved.unavailable].map((one) => one.name);

    expect(known).toContain('minio');
    const real = catalogue.aliases.get(name) ?? name;
    expect(resolved.unavailable.length).toBe(installable.includes(real) ? 0 : 1);
    for (const { at } of resolved.unavailable) expect(at).toMatchObject({ line: 1, column: 29 });
  });

  it('are refused by name when they cannot be installed, with 3', () => {
    const cwd = workspace({
      'flavour.yaml':
        'project: { flavour: "minio, kubeflow, kubedb" }\nhybrid: { config: /nowhere, context: none }\n',
    });
    const { code, stderr } = program(['up', '--dry-run', '-f', 'flavour.yaml', '--output', 'json'], cwd, cwd);
    const { error } = JSON.parse(stderr.split('\n').findLast((line) => line.startsWith('{'))!);

    expect({ code, error: error.code, line: error.line }).toEqual({
      code: 3,
      error: 'UNAVAILABLE_COMPONENT',
      line: 1,
    });
    expect(error.message).toMatch(/kubeflow cannot be installed/);
    expect(error.others[0].message).toMatch(/kubedb cannot be installed: .*licence/);
  });

  it('are refused before a target is started', () => {
    const cwd = workspace({
      'flavour.yaml': 'project: { flavour: "minio, kubeflow" }\nlocal: { provider: rehearsal }\n',
    });
    const home = workspace();
    const { code, stderr } = program(['up', '-f', 'flavour.yaml'], cwd, home);

    expect(code).toBe(3);
    expect(stderr).toContain('kubeflow cannot be installed');
    expect(readdirSync(home)).toEqual([]);
  });

  it('keep their old settings: datalake, artifact_store, k8s_namespace, minio_release', () => {
    const resolved = resolveFiles(
      'project: { flavour: "minio, mlflow" }\nmlflow: { k8s_namespace: ml, artifact_store: { type: minio, bucket: runs, minio_release: minio-datalake }, pvc_name: mlflow-pvc }\n',
    );
    const mlflow = component(resolved, 'mlflow');

    expect(mlflow.namespace).toBe('ml');
    expect(mlflow.buckets).toEqual(['runs']);
    expect(mlflow.needs.artifacts?.provider).toBe('minio');
    expect(mlflow.values).toMatchObject({ persistence: { claimName: 'mlflow-pvc' } });
    expect(mlflow.copies).toEqual([{ name: 'minio-datalake', from: 'data-mill' }]);
  });

  it('cannot take an object store that is not in the flavour', () => {
    const flavour =
      'project: { flavour: "minio, mlflow" }\nmlflow: { artifact_store: { type: somewhere } }\n';

    expect(failure(() => resolveFiles(flavour))).toMatchObject({ code: 'UNKNOWN_PROVIDER', exitCode: 2 });
  });
});
