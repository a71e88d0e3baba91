import * as z from 'zod';
import { configError } from '../errors.ts';

const text = z.string().nullish();
const flag = z.boolean().nullish();
const map = z.record(z.string(), z.unknown()).nullish();

const Credentials = z.looseObject({
  plain: z.looseObject({ user: text, password: text }).nullish(),
  jwt: z.looseObject({ token: text }).nullish(),
  // The documentation of the reference says secret_key, its code reads secret_access_key.
  aws: z.looseObject({ access_key: text, secret_access_key: text, secret_key: text, region: text }).nullish(),
});

const Artifact = z.looseObject({
  bucket: text,
  key: text,
  qualified: text,
  url: text,
  local: text,
  hash: text,
  mutable: flag,
  unpack: flag,
  saveFrequency: z.union([z.string(), z.number()]).nullish(),
  credentials: Credentials.nullish(),
  region: text,
});

const Storage = z.looseObject({
  type: text,
  endpoint: text,
  bucket: text,
  credentials: Credentials.nullish(),
});

const Experiment = z.looseObject({
  key: z.string().min(1).max(512),
  filename: text,
  args: z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  pythonver: z.union([z.string(), z.number()]).nullish(),
  pythonenv: z.array(z.string()).nullish(),
  project: text,
  project_version: text,
  project_experiment: text,
  author: text,
  time_added: z.number().nullish(),
  max_duration: text,
  status: text,
  resources_needed: map,
  artifacts: z.record(z.string(), Artifact).nullish(),
});

const Config = z.looseObject({
  experimentLifetime: text,
  saveWorkspaceFrequency: text,
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  pip: z.array(z.string()).nullish(),
  database: Storage.nullish(),
  storage: Storage.nullish(),
  resources_needed: map,
  runner: z.looseObject({ slack_destination: text }).nullish(),
});

/** A request as StudioML clients put it on a queue: `docs/interface.md` of studio-go-runner. */
const Request = z.looseObject({
  experiment: Experiment,
  config: Config.nullish().transform((config) => config ?? ({} as z.infer<typeof Config>)),
});

export type Request = z.infer<typeof Request>;
export type Artifact = z.infer<typeof Artifact>;
export type Credentials = z.infer<typeof Credentials>;
export type StorageConfig = z.infer<typeof Storage>;

/** Labels are names of folders. */
const LABEL = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Folders of our own beside those of the artifacts. */
const RESERVED = new Set(['_runner']);

/**
 * Reads a request.
 *
 * @throws {DatamillError} BAD_REQUEST, for what can never be run.
 */
export function parseRequest(json: unknown): Request {
  const parsed = Request.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(`${issue?.path.join('.') || 'the message'}: ${issue?.message}`);
  }
  const { experiment } = parsed.data;
  if (!/^[\w.@:+-]+$/.test(experiment.key) || /^\.+$/.test(experiment.key))
    throw bad('experiment.key: only letters, digits and . _ - @ : + are allowed');
  for (const label of Object.keys(experiment.artifacts ?? {}))
    if (!LABEL.test(label) || RESERVED.has(label))
      throw bad(`experiment.artifacts: "${label.slice(0, 80)}" cannot be the name of a folder`);
  return parsed.data;
}

function bad(message: string) {
  return configError('BAD_REQUEST', `the request cannot be run: ${message}`);
}

const SECRET = /credential|passw|token|secret|access_key|api_?key|private/i;
/** `scheme://user:password@host`, as in the address of a queue. */
const USER_INFO = /^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/i;

/** The request without what is secret in it, to be stored beside the results. */
export function redactedRequest(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactedRequest);
  if (typeof value === 'string') return value.replace(USER_INFO, '$1***@');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, SECRET.test(key) ? hidden(one) : redactedRequest(one)]),
  );
}

function hidden(value: unknown): unknown {
  if (value === null || value === '' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return '***';
  if (Array.isArray(value)) return value.map(hidden);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hidden(one)]));
}

/** The secrets that a request holds, to be hidden in logs. */
export function secretsOf(value: unknown, inside = false): string[] {
  if (typeof value === 'string') return inside ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => secretsOf(one, inside || SECRET.test(key)));
}
