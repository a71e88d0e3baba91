import { isTree, type Tree } from '../config/merge.ts';
import { secretPath, secretValue } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import type { Session } from './session.ts';

export interface Environment {
  variables: Record<string, string>;
  /** What `mc` would be told; undefined without an object store. */
  mc?: { alias: string; endpoint: string };
  /** Addresses that only work inside the cluster, by the component that serves them. */
  inside: Array<{ component: string; address: string }>;
  /** Secrets that are not there. */
  missing: string[];
}

/** A service of the flavour: what a capability says of it, and who provides it. */
interface Service {
  capability: string;
  component: string;
  namespace: string;
  fields: Tree;
}

type Read = (key: string) => string;

/**
 * Variables by capability, each known to the programs that use such a service: the AWS SDKs,
 * libpq, Dask, MLflow.
 */
const VARIABLES: Record<string, (fields: Tree, secret: Read) => Record<string, unknown>> = {
  s3: (fields, secret) => ({
    AWS_ACCESS_KEY_ID: secret('accessKey'),
    AWS_SECRET_ACCESS_KEY: secret('secretKey'),
    AWS_ENDPOINT_URL_S3: fields.endpoint,
    AWS_DEFAULT_REGION: fields.region,
    MLFLOW_S3_ENDPOINT_URL: fields.endpoint,
  }),
  postgres: (fields, secret) => ({
    PGHOST: fields.host,
    PGPORT: fields.port,
    PGDATABASE: fields.database,
    PGUSER: secret('user'),
    PGPASSWORD: secret('password'),
  }),
  amqp: (fields, secret) => {
    const login = [secret('user'), secret('password')].map(encodeURIComponent).join(':');
    const vhost = typeof fields.vhost === 'string' ? `/${encodeURIComponent(fields.vhost)}` : '';
    return { AMQP_URL: `amqp://${login === ':' ? '' : `${login}@`}${fields.host}:${fields.port}${vhost}` };
  },
  dask: (fields) => ({ DASK_SCHEDULER_ADDRESS: fields.address }),
  mlflow: (fields) => ({ MLFLOW_TRACKING_URI: fields.url }),
};

/** @param only the component whose services (and whose needs) count; default all. */
export async function environmentOf(session: Session, only?: string): Promise<Environment> {
  const environment: Environment = { variables: {}, inside: [], missing: [] };
  for (const service of servicesOf(session, only)) {
    const secret = isTree(service.fields.secret) ? service.fields.secret : undefined;
    const name = typeof secret?.name === 'string' ? secret.name : undefined;
    const found =
      name === undefined
        ? undefined
        : await session.api.find<KubeObject>(secretPath(service.namespace, name));
    const read: Read = (word) => {
      const key = secret?.[word];
      if (name === undefined || typeof key !== 'string') return '';
      const value = found === undefined ? undefined : secretValue(found, key);
      if (value === undefined && !environment.missing.includes(name)) environment.missing.push(name);
      return value ?? '';
    };
    const variables = VARIABLES[service.capability]!(service.fields, read);
    for (const [variable, value] of Object.entries(variables))
      if (['string', 'number'].includes(typeof value) && value !== '')
        environment.variables[variable] = String(value);
    const address = service.fields.endpoint ?? service.fields.url ?? service.fields.address;
    if (typeof address === 'string' && /\.svc[:/.]|\.svc$/.test(address))
      environment.inside.push({ component: service.component, address });
    if (service.capability === 's3' && typeof address === 'string')
      environment.mc = { alias: aliasOf(session.identity.project), endpoint: address };
  }
  return environment;
}

/** One service for each capability: the chosen, the default or the first provider. */
function servicesOf({ resolved }: Session, only?: string): Service[] {
  const { components, project } = resolved;
  const all = components.flatMap((component) => [...provided(component), ...external(component)]);
  const asked = components.find(({ name }) => name === only);
  const needed = Object.values(asked?.needs ?? {});
  const counts = ({ capability, component }: Service) =>
    asked === undefined ||
    component === only ||
    needed.some((need) => need?.capability === capability && need.provider === component);
  const isDefault = (name: string) => components.find((one) => one.name === name)?.spec.default === true;
  return Object.keys(VARIABLES).flatMap((capability) => {
    const some = all.filter((one) => one.capability === capability && counts(one));
    const chosen =
      some.find(({ component }) => component === project.providers[capability]) ??
      some.find(({ component }) => isDefault(component)) ??
      some[0];
    return chosen === undefined ? [] : [chosen];
  });
}

function provided({ name, namespace, provides }: ResolvedComponent): Service[] {
  return Object.entries(provides).map(([capability, fields]) => ({
    capability,
    component: name,
    namespace,
    fields,
  }));
}

/** What comes from outside the cluster is known by those that need it. */
function external({ needs }: ResolvedComponent): Service[] {
  return Object.values(needs).flatMap((need) =>
    need?.provider === 'external' ? [{ ...need, component: need.provider }] : [],
  );
}

/** mc wants a letter first. */
function aliasOf(project: string): string {
  return /^[a-z]/.test(project) ? project : `dm-${project}`;
}
