import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolve } from '../../../src/resolve/resolve.ts';
import type { Resolved } from '../../../src/resolve/types.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { parseQuantity } from '../../../src/util/quantity.ts';
import { component, failure, resolveFiles } from '../../helpers/workspace.ts';

const folder = join(packageRoot, 'flavours');
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const readme = readFileSync(join(folder, 'README.md'), 'utf8');
const values = (resolved: Resolved, name: string) => JSON.stringify(component(resolved, name).values);

describe.each(files)('the packaged flavour %s', (file) => {
  const name = file.replace('.yaml', '');
  const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));

  it('resolves, and its row in the README says what it holds and needs', () => {
    const resolved = resolve({ flavours: [join(folder, file)] });
    const names = [...resolved.components, ...resolved.unavailable].map((one) => one.name);
    const requires = resolved.components.map(({ spec }) => spec.requires);
    const cpu = requires.reduce((sum, one) => sum + (parseQuantity(one.cpu) ?? 0), 0);
    const memory = requires.reduce((sum, one) => sum + (parseQuantity(one.memory) ?? 0), 0);
    const cells = row?.split('|').map((cell) => cell.trim()) ?? [];

    expect(cells[2]?.split(', ').sort()).toEqual(names.sort());
    expect(cells[3]).toBe(`${Math.ceil(cpu * 10) / 10}`);
    expect(cells[4]).toBe(`${Math.ceil(memory / 2 ** 30)} Gi`);
  });
});

describe('names of the original project', () => {
  it.each([
    'datalake_flavour.yaml',
    'datawarehouse_flavour.yaml',
    'kubeflow_flavour.yaml',
    'ds_flavour.yaml',
  ])('%s is found', (name) => {
    expect(resolve({ flavours: [name] }).components.length).toBeGreaterThan(0);
  });
});

describe('swapping the object store', () => {
  /** Everything that a component is, without where its store is. */
  const shape = (resolved: Resolved, name: string, [host, port, release, store]: readonly string[]) =>
    JSON.stringify({ ...component(resolved, name), layers: [], valueLayers: [], spec: {} })
      .replaceAll(`${host}.data-mill.svc`, 'HOST')
      .replaceAll(`${port}`, 'PORT')
      .replaceAll(`"${release}"`, '"SECRET"')
      .replaceAll(`"${store}"`, '"PROVIDER"')
      .replaceAll('"bucket":null,', '');
  const minio = ['minio-datalake', '9000', 'minio-datalake', 'minio'];
  const seaweedfs = ['other-lake-all-in-one', '8333', 'other-lake', 'seaweedfs'];

  it.each(['datalake', 'ml'])('in %s changes nothing else', (flavour) => {
    const before = resolve({ flavours: [flavour] });
    const swapped = resolveFiles(
      `extends: ${flavour}.yaml\nproject: { name: ${flavour}, flavour: [${before.components
        .map(({ name }) => (name === 'minio' ? 'seaweedfs' : name))
        .join(', ')}] }\nseaweedfs: { release: other-lake }\n`,
    );
    const others = before.components.map(({ name }) => name).filter((name) => name !== 'minio');

    expect(others.length).toBeGreaterThan(0);
    expect(others.map((name) => shape(swapped, name, seaweedfs))).toEqual(
      others.map((name) => shape(before, name, minio)),
    );
  });

  it('must be chosen where two provide it', () => {
    const both = (more: string) => `project: { flavour: "minio, seaweedfs, mlflow"${more} }\n`;
    const error = failure(() => resolveFiles(both('')));

    expect(error).toMatchObject({ code: 'AMBIGUOUS_PROVIDER', exitCode: 2 });
    expect(
      component(resolveFiles(both(', providers: { s3: seaweedfs }')), 'mlflow').needs.artifacts?.provider,
    ).toBe('seaweedfs');
  });
});

describe('what consumers are told of the object store', () => {
  const lake = 'minio-datalake.data-mill.svc';

  it('Pachyderm by a URL', () => {
    const resolved = resolve({ flavours: ['datalake'] });

    expect(component(resolved, 'pachyderm').values).toMatchObject({
      pachd: {
        lokiDeploy: false,
        lokiLogging: false,
        metrics: { enabled: false },
        storage: {
          backend: 'AMAZON',
          storageURL: `s3://pachyderm?endpoint=${lake}:9000&disableSSL=true&region=us-east-1`,
          amazon: { id: { secret: 'minio-datalake', key: 'accesskey' } },
        },
      },
    });
    expect(component(resolved, 'pachyderm').buckets).toEqual(['pachyderm']);
  });

  it('MLflow by an http URL, Spark by fs.s3a keys', () => {
    const resolved = resolveFiles('project: { flavour: "minio, mlflow, spark" }\n');

    expect(component(resolved, 'mlflow').values).toMatchObject({
      artifacts: { s3: { endpoint: `http://${lake}:9000` } },
    });
    expect(JSON.stringify(component(resolved, 'spark').objects)).toContain(
      `spark.hadoop.fs.s3a.endpoint http://${lake}:9000\\nspark.hadoop.fs.s3a.endpoint.region us-east-1`,
    );
  });

  it('notebooks through the environment, keys by reference, with the way open', () => {
    const resolved = resolveFiles('project: { flavour: "minio, dask, mlflow, jupyterhub" }\n');
    const { singleuser } = component(resolved, 'jupyterhub').values as never as { singleuser: unknown };

    expect(singleuser).toMatchObject({
      extraEnv: {
        AWS_ENDPOINT_URL: `http://${lake}:9000`,
        AWS_ACCESS_KEY_ID: {
          valueFrom: { secretKeyRef: { name: 'minio-datalake', key: 'accesskey', optional: true } },
        },
        DASK_SCHEDULER_ADDRESS: 'tcp://dask-scheduler.data-mill.svc:8786',
        MLFLOW_TRACKING_URI: 'http://mlflow.data-mill.svc:5000',
        SPARK_REMOTE: null,
      },
      networkPolicy: { egressAllowRules: { privateIPs: false } },
    });
    expect(values(resolved, 'jupyterhub')).toContain('"kubernetes.io/metadata.name":"data-mill"');
    expect(values(resolveFiles('project: { flavour: jupyterhub }\n'), 'jupyterhub')).toContain(
      '"AWS_ENDPOINT_URL":null',
    );
  });
});
