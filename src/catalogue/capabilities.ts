/**
 * What each capability tells its consumers. Fields in `required` must be given by every
 * provider; `optional` ones are null when a provider does not give them. A capability that is
 * not in this table is free in its fields: components of users may invent their own.
 */
interface Capability {
  required: readonly string[];
  optional: readonly string[];
  /** The keys of `secret` beside its `name`: names of keys in the Secret. */
  secret?: readonly string[];
}

export const capabilities: Readonly<Record<string, Capability>> = {
  s3: {
    required: ['endpoint', 'host', 'port'],
    optional: ['region', 'secure', 'bucket'],
    secret: ['accessKey', 'secretKey'],
  },
  postgres: { required: ['host', 'port', 'database'], optional: [], secret: ['user', 'password'] },
  amqp: { required: ['host', 'port'], optional: ['vhost', 'managementPort'], secret: ['user', 'password'] },
  dask: { required: ['address'], optional: ['dashboard'] },
  mlflow: { required: ['url'], optional: [] },
  argo: { required: ['namespace', 'serviceAccount'], optional: ['server'] },
  'shared-disk': { required: ['claim'], optional: ['size'] },
  'data-folder': { required: ['claim', 'path'], optional: [] },
  gpu: { required: ['resource'], optional: [] },
  pachyderm: { required: ['host', 'port'], optional: ['address', 's3gateway'] },
  spark: { required: ['namespace', 'serviceAccount'], optional: ['settings'] },
  'spark-connect': { required: ['remote'], optional: ['ui'] },
  jupyterhub: { required: ['url'], optional: [] },
  kafka: { required: ['bootstrap', 'host', 'port'], optional: [] },
  elasticsearch: {
    required: ['url', 'name', 'namespace'],
    optional: ['host', 'port', 'version'],
    secret: ['password'],
  },
  influxdb: { required: ['url', 'organization', 'bucket'], optional: [], secret: ['token'] },
  metrics: { required: ['url'], optional: [] },
};

/** Adds the optional fields of a capability as null, so that templates may ask for them. */
export function completeFields(capability: string, fields: Record<string, unknown>): Record<string, unknown> {
  const known = knownCapability(capability);
  if (known === undefined) return fields;
  const secret = known.secret === undefined ? {} : { secret: null };
  return { ...Object.fromEntries(known.optional.map((name) => [name, null])), ...secret, ...fields };
}

/** The required fields that are missing, those of the Secret among them. */
export function missingFields(capability: string, fields: Record<string, unknown>): string[] {
  const known = knownCapability(capability);
  const missing = (known?.required ?? []).filter((name) => isNothing(fields[name]));
  const { secret } = fields;
  if (known?.secret === undefined || isNothing(secret)) return missing;
  const given = typeof secret === 'object' ? (secret as Record<string, unknown>) : {};
  const keys = ['name', ...known.secret].filter((name) => isNothing(given[name]));
  return [...missing, ...keys.map((name) => `secret.${name}`)];
}

function knownCapability(name: string): Capability | undefined {
  return Object.hasOwn(capabilities, name) ? capabilities[name] : undefined;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}
