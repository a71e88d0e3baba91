import * as z from 'zod';
import type { ParsedDocument } from '../../config/document.ts';
import { readDocument } from '../../config/read.ts';
import { unknownKey, validate } from '../../config/validate.ts';
import { configError } from '../../errors.ts';
import { argoBlock, toPodSettings } from './argo-block.ts';
import {
  claimVolume,
  DEFAULT_MOUNT,
  defaultSettings,
  type ExportSettings,
  type Platform,
  type Volume,
  volumeName,
} from './settings.ts';

const text = z.string();
const texts = z.array(text).nullable();

const volume = z.union([
  z.strictObject({ claim_name: text, sub_path: text.optional() }),
  z.strictObject({ name: text, sub_path: text.optional(), spec: z.record(text, z.unknown()) }),
]);

/** soopervisor.yaml of the versions 0.2 and 0.3: one map of settings. */
const flat = z.strictObject({
  mounted_volumes: z.array(volume).nullable().optional(),
  image: text.optional(),
  code_pod: z.unknown().optional(),
  lazy_import: z.boolean().optional(),
  cache_env: z.boolean().optional(),
  environment_prefix: text.nullable().optional(),
  args: text.nullable().optional(),
  paths: z
    .strictObject({ project: text.optional(), products: text.optional(), environment: text.optional() })
    .optional(),
  storage: z.unknown().optional(),
  argo: argoBlock.optional(),
});

/** One target environment of the versions from 0.4 on. */
const target = z.strictObject({
  backend: text,
  preset: text.nullable().optional(),
  repository: text.nullable().optional(),
  include: texts.optional(),
  exclude: texts.optional(),
  mounted_volumes: z.array(volume).nullable().optional(),
  default: z.unknown().optional(),
});

export interface SoopervisorOptions {
  file: string;
  project: string;
  platform?: Platform;
  /** Which target environment of the file, where it has several. */
  target?: string;
}

/**
 * Reads soopervisor.yaml, of either generation, with its `argo:` block.
 *
 * @throws {DatamillError} UNKNOWN_KEY, INVALID_VALUE, TARGET_UNKNOWN (exit 2), with the place.
 */
export function readSoopervisor({
  file,
  project,
  platform,
  target: wanted,
}: SoopervisorOptions): ExportSettings {
  const document = readDocument(file, 'soopervisor');
  const data = fillProject(document.data ?? {}, project);
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw configError('INVALID_VALUE', 'soopervisor.yaml must be a map', { at: document.locate([]) });
  const tree = data as Record<string, unknown>;
  const targets = Object.keys(tree).filter((key) => isTarget(tree[key]));
  const settings = defaultSettings(project, platform);
  if (targets.length === 0) return fromFlat(tree, document, settings, project);
  return fromTarget(tree, targets, wanted, document, settings, project);
}

function isTarget(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'backend' in value;
}

function fillProject(value: unknown, project: string): unknown {
  if (typeof value === 'string') return value.replace(/\{\{\s*project_name\s*\}\}/g, () => project);
  if (Array.isArray(value)) return value.map((item) => fillProject(item, project));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillProject(item, project)]));
}

function fromFlat(
  tree: Record<string, unknown>,
  document: ParsedDocument,
  settings: ExportSettings,
  project: string,
): ExportSettings {
  const given = validate(flat, tree, { document, path: [], label: '' });
  const warnings = Object.keys(IGNORED)
    .filter((key) => key in tree)
    .map((key) => `soopervisor.yaml: ${key} is not used: ${IGNORED[key]}`);
  const changed: ExportSettings = {
    ...settings,
    ...(given.image === undefined ? {} : { image: given.image }),
    ...(given.args == null ? {} : { args: given.args }),
    environment: given.paths?.environment ?? settings.environment,
    volumes: volumesOf(given.mounted_volumes ?? undefined, project) ?? settings.volumes,
    warnings,
  };
  return withArgo(changed, given.argo);
}

/** Settings of the first versions that mean nothing here, and why. */
const IGNORED: Record<string, string> = {
  code_pod: '`datamill pipeline upload` makes a pod of its own',
  cache_env: 'environments are always kept',
  environment_prefix: 'environments are kept on the shared disk',
  storage: 'products stay on the shared disk',
};

function fromTarget(
  tree: Record<string, unknown>,
  targets: string[],
  wanted: string | undefined,
  document: ParsedDocument,
  settings: ExportSettings,
  project: string,
): ExportSettings {
  const other = Object.keys(tree).find((key) => !targets.includes(key) && key !== 'argo');
  if (other !== undefined) {
    if (isMapLike(tree[other]))
      throw configError('INVALID_VALUE', `${other}: a target environment must have a backend`, {
        at: document.locate([other], 'key'),
        hint: 'add `backend: argo-workflows`',
      });
    throw unknownKey(other, ['argo', ...targets], { document, path: [], label: '' });
  }
  const name = choose(tree, targets, wanted, document);
  const given = validate(target, tree[name], { document, path: [name], label: name });
  const changed: ExportSettings = {
    ...settings,
    volumes: volumesOf(given.mounted_volumes ?? undefined, project) ?? settings.volumes,
    include: given.include ?? undefined,
    exclude: given.exclude ?? undefined,
    repository: given.repository ?? undefined,
  };
  const block = isTarget(tree.argo) ? undefined : tree.argo;
  return withArgo(
    changed,
    block === undefined ? undefined : validate(argoBlock, block, { document, path: ['argo'], label: 'argo' }),
  );
}

function isMapLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function choose(
  tree: Record<string, unknown>,
  targets: string[],
  wanted: string | undefined,
  document: ParsedDocument,
): string {
  const argo = targets.filter((name) => (tree[name] as { backend: unknown }).backend === 'argo-workflows');
  if (wanted !== undefined && !targets.includes(wanted))
    throw configError('TARGET_UNKNOWN', `soopervisor.yaml has no target environment "${wanted}"`, {
      at: document.locate([]),
      hint: `it has ${targets.join(', ')}`,
    });
  const name = wanted ?? (argo.length === 1 ? argo[0] : undefined);
  if (name === undefined)
    throw configError(
      'TARGET_UNKNOWN',
      `soopervisor.yaml has ${argo.length === 0 ? 'no target environment' : 'several target environments'} for Argo`,
      {
        at: document.locate([]),
        hint:
          argo.length === 0
            ? 'add one with `backend: argo-workflows`'
            : `choose one: --soopervisor-env ${argo[0]}`,
      },
    );
  if (!argo.includes(name))
    throw configError('TARGET_UNKNOWN', `the target environment "${name}" is not for Argo`, {
      at: document.locate([name, 'backend']),
      hint:
        argo.length === 0 ? 'add one with `backend: argo-workflows`' : `those for Argo: ${argo.join(', ')}`,
    });
  return name;
}

function volumesOf(given: Array<z.infer<typeof volume>> | undefined, project: string): Volume[] | undefined {
  if (given === undefined || given.length === 0) return undefined;
  return given.map((one) => {
    if ('claim_name' in one)
      return claimVolume(one.claim_name, one.sub_path ?? project, `/mnt/${one.claim_name}`);
    const { name, spec, sub_path: subPath = '' } = one;
    const claim = (spec.persistentVolumeClaim as { claimName?: unknown } | undefined)?.claimName;
    return {
      name: volumeName(name),
      claim: typeof claim === 'string' ? claim : undefined,
      source: spec,
      mountPath: `/mnt/${name}`,
      subPath,
    };
  });
}

function withArgo(settings: ExportSettings, block: z.infer<typeof argoBlock> | undefined): ExportSettings {
  if (block === undefined) return settings;
  const [first, ...others] = settings.volumes;
  const disk = first ?? claimVolume('nfs', '', DEFAULT_MOUNT);
  const own = block.claim === undefined ? disk : claimVolume(block.claim, disk.subPath, disk.mountPath);
  const placed = {
    ...own,
    mountPath: block.mountPath ?? own.mountPath,
    subPath: block.subPath ?? own.subPath,
  };
  const merged: ExportSettings = {
    ...settings,
    ...toPodSettings(block),
    namespace: block.namespace ?? settings.namespace,
    volumes: [placed, ...others],
    serviceAccount: block.serviceAccountName ?? settings.serviceAccount,
    podGC: block.podGC,
    ttl: block.ttlSecondsAfterCompletion,
    parallelism: block.parallelism,
    failFast: block.failFast,
    timezone: block.timezone,
    schedule: typeof block.schedule === 'string' ? [block.schedule] : block.schedule,
    accessMode: block.accessMode,
    tasks: Object.entries(block.tasks ?? {}).map(([pattern, one]) => ({
      pattern,
      settings: toPodSettings(one),
    })),
  };
  return { ...merged, image: merged.image ?? settings.image };
}
