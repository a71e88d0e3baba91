import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { readDocument } from '../config/read.ts';
import { validate } from '../config/validate.ts';
import { configError, errorMessage } from '../errors.ts';

/** What has to be said for algorithms to run where nothing holds them. */
export const UNENFORCED = 'algorithms may reach the network';

const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label');
/** A label becomes a file name and a variable: nothing that could mean more than a name. */
const databaseLabel = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'must be a letter, then letters, digits and _');
const quantity = z
  .string()
  .regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, 'must be a quantity, such as 500Mi');
const seconds = z.number().int().positive();

const database = z.strictObject({
  label: databaseLabel,
  uri: z.string().regex(/^(claim|secret|configmap|file):\/\/[^\s]+$/, {
    message: 'must be claim://CLAIM/path, secret://NAME/key, configmap://NAME/key or file:///path',
  }),
  type: z.enum(['csv', 'parquet', 'excel', 'folder', 'other']).default('csv'),
});

const image = z.strictObject({
  /** A regular expression for the whole name without digest, or the name itself. */
  name: z.string().min(1),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional(),
});

const policies = z.strictObject({
  allowed_algorithms: z
    .array(
      z.union([
        z
          .string()
          .min(1)
          .transform((name) => ({ name })),
        image,
      ]),
    )
    .optional(),
  allowed_users: z.array(z.number().int()).optional(),
  allowed_organizations: z.array(z.number().int()).optional(),
  allowed_algorithm_stores: z.array(z.string()).optional(),
  /** One of the two lists is enough, instead of both. */
  allow_either_whitelist_or_store: z.boolean().default(false),
  require_digest: z.boolean().default(false),
});

const schema = z.strictObject({
  name: label.default('node'),
  server: z.strictObject({
    server_ip: z.string().min(1),
    port: z.number().int().min(1).max(65535).default(5000),
    protocol: z.enum(['poc', 'v4']).default('poc'),
    /** Of the REST interface, v4 only. */
    api_path: z.string().startsWith('/').default('/api'),
  }),
  /** File with the key that the node logs in with, v4 only. */
  api_key_file: z.string().optional(),
  namespace: label.default('v6-node'),
  jobs: z
    .strictObject({
      namespace: label.default('v6-jobs'),
      /** A claim in the namespace of the Jobs for output and scratch; an emptyDir when left out. */
      claim: label.optional(),
      /** A folder of the Kubernetes node instead, as the first vantage6 on Kubernetes had it. */
      host_path: z.string().startsWith('/').optional(),
      scratch: quantity.default('1Gi'),
      requests: z.record(z.string(), z.string()).default({ cpu: '100m', memory: '128Mi' }),
      limits: z.record(z.string(), z.string()).default({ cpu: '1', memory: '1Gi' }),
      max_seconds: seconds.default(3600),
      start_seconds: seconds.default(600),
      pull_seconds: seconds.default(60),
      retries: z.number().int().min(0).max(10).default(0),
      retention_seconds: seconds.default(86_400),
      max_result_bytes: z.number().int().min(1).max(6_000_000).default(4_000_000),
      max_log_bytes: z.number().int().min(1).max(1_000_000).default(100_000),
      pull_policy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
      pull_secrets: z.array(label).default([]),
      user: z.number().int().min(1).default(65532),
      read_only_root: z.boolean().default(true),
      runtime_class: label.optional(),
      node_selector: z.record(z.string(), z.string()).default({}),
      annotations: z.record(z.string(), z.string()).default({}),
      /** The first Kubernetes runs of vantage6 all started `python app.py`. */
      command: z.array(z.string()).default(['python', 'app.py']),
      /** With a shell, nc, nslookup, base64: proves the isolation, and reads the output. */
      helper_image: z.string().default('docker.io/library/busybox:1.35.0'),
      /** Puts the token of a request into the file /app/token, PoC only. */
      token_file: z.boolean().default(false),
    })
    .prefault({}),
  databases: z.array(database).default([]),
  policies: policies.prefault({}),
  proxy: z
    .strictObject({
      service: label.default('v6proxy'),
      namespace: label.optional(),
      port: z.number().int().default(8080),
      /** Answers there, and no policy lets an algorithm through to it: what is closed is known to be open elsewhere. */
      canary_port: z.number().int().default(8081),
      selector: z.record(z.string(), z.string()).default({ app: 'dummy-v6-proxy' }),
      /** Names under which algorithms find it, beside the one of its service. */
      names: z.array(z.string()).default(['v6proxy.v6proxy-subdomain.v6-jobs']),
    })
    .prefault({}),
  encryption: z.strictObject({ private_key_file: z.string() }).optional(),
  isolation: z
    .strictObject({
      gate_seconds: seconds.default(60),
      dns: z.enum(['none', 'cluster']).default('none'),
      /** Addresses `IP:PORT` that must be out of reach beside the cluster's own. */
      closed: z.array(z.string().regex(/^[0-9a-fA-F.:[\]]+:\d+$/)).default([]),
      unenforced: z.literal(UNENFORCED).optional(),
    })
    .prefault({}),
});

/** The document that `--config` names, with defaults. */
export type NodeConfig = z.infer<typeof schema> & { apiKey?: string; privateKey?: string };
export type DatabaseConfig = NodeConfig['databases'][number];

/**
 * Reads node.yaml and the files of secrets that it names.
 *
 * @throws {DatamillError} exit 2, with file, line and column.
 */
export function readNodeConfig(file: string): NodeConfig {
  const document = readDocument(file, 'node');
  const config = validate(schema, document.data ?? {}, { document, path: [], label: '' });
  const labels = config.databases.map((one) => one.label.toUpperCase());
  const twice = labels.findIndex((one, index) => labels.indexOf(one) !== index);
  if (twice >= 0) {
    throw configError('NODE_DATABASES', `two databases have the label ${config.databases[twice]!.label}`, {
      at: document.locate(['databases', twice, 'label']),
      hint: 'case does not count: labels become names of variables',
    });
  }
  const hostPath = config.databases.findIndex(({ uri }) => uri.startsWith('file://'));
  if (hostPath >= 0 && config.jobs.host_path === undefined) {
    throw configError('NODE_HOST_PATH', 'a database is a file of the Kubernetes node', {
      at: document.locate(['databases', hostPath, 'uri']),
      hint: 'put it into a claim, or set jobs.host_path to allow such volumes',
    });
  }
  const folder = dirname(file);
  return {
    ...config,
    apiKey: secretOf(config.api_key_file, folder, 'api_key_file') ?? process.env.DATAMILL_NODE_API_KEY,
    privateKey: secretOf(config.encryption?.private_key_file, folder, 'encryption.private_key_file'),
  };
}

function secretOf(path: string | undefined, folder: string, key: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(resolve(folder, path), 'utf8').trim();
  } catch (cause) {
    throw configError('NODE_SECRET', `${key} names a file that cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/** Where the server is, as a URL without a path. */
export function serverUrl({ server }: Pick<NodeConfig, 'server'>): string {
  const base = /^https?:\/\//.test(server.server_ip) ? server.server_ip : `http://${server.server_ip}`;
  const url = new URL(base);
  if (url.port === '' && !base.match(/:\d+\/?$/)) url.port = String(server.port);
  return url.origin;
}
