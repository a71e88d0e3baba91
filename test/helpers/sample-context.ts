import { completeFields } from '../../src/catalogue/capabilities.ts';
import type { ComponentSpec } from '../../src/config/schema/component.ts';

/** What providers of each capability would say; a component's templates are evaluated with these. */
const samples: Record<string, Record<string, unknown>> = {
  s3: {
    endpoint: 'http://lake.data-mill.svc:9000',
    host: 'lake.data-mill.svc',
    port: 9000,
    region: 'us-east-1',
    secure: false,
    secret: { name: 'lake', accessKey: 'accesskey', secretKey: 'secretkey' },
  },
  postgres: {
    host: 'db.data-mill.svc',
    port: 5432,
    database: 'demo',
    secret: { name: 'db', user: 'user', password: 'password' },
  },
  amqp: {
    host: 'queue.data-mill.svc',
    port: 5672,
    secret: { name: 'queue', user: 'user', password: 'password' },
  },
  dask: { address: 'tcp://dask-scheduler.data-mill.svc:8786' },
  mlflow: { url: 'http://mlflow.data-mill.svc:5000' },
  argo: { namespace: 'data-mill', serviceAccount: 'workflow' },
  'shared-disk': { claim: 'shared' },
  'data-folder': { claim: 'datamill-data-0123abcd', path: '/data' },
  gpu: { resource: 'nvidia.com/gpu' },
  spark: { namespace: 'data-mill', serviceAccount: 'spark', settings: 'spark-s3' },
  'spark-connect': { remote: 'sc://spark-connect.data-mill.svc:15002' },
  elasticsearch: {
    url: 'https://search-es-http.data-mill.svc:9200',
    name: 'search',
    namespace: 'data-mill',
    version: '9.2.0',
    secret: { name: 'search-es-elastic-user', password: 'elastic' },
  },
  flink: { namespace: 'data-mill', serviceAccount: 'flink' },
  metrics: { url: 'http://monitoring-prometheus.data-mill.svc:9090' },
};

/**
 * What a component's templates see when all of its settings have their defaults.
 *
 * @param optionalNeeds whether needs that are optional are served too.
 */
export function sampleContext(spec: ComponentSpec, optionalNeeds: boolean): Record<string, unknown> {
  const defaults = Object.entries(spec.config).map(([name, setting]) => [name, setting.default]);
  const needs = Object.entries(spec.needs).map(([name, need]) => {
    const { capability, optional } = typeof need === 'string' ? { capability: need, optional: false } : need;
    if (optional && !optionalNeeds) return [name, null];
    const sample = samples[capability];
    if (sample === undefined)
      throw new Error(`give test/helpers/sample-context.ts a sample of ${capability}`);
    return [name, completeFields(capability, sample)];
  });
  return {
    release: 'demo',
    namespace: 'data-mill',
    config: { storage_class: null, ...Object.fromEntries(defaults) },
    target: { driver: 'hybrid', simulated: false, storage_class: null, gpu_support: false },
    project: { name: 'default', k8s_namespace: 'data-mill' },
    needs: Object.fromEntries(needs),
  };
}
