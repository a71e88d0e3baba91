import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ParsedDocument, syntheticDocument } from '../config/document.ts';
import { dropNulls, isTree, type Tree } from '../config/merge.ts';
import { readDocument } from '../config/read.ts';
import type { Project } from '../config/schema/project.ts';
import { obsoleteTargetKeys, TargetFile, type TargetSection } from '../config/schema/target.ts';
import { validate } from '../config/validate.ts';
import { configError, type DatamillError, type Location } from '../errors.ts';
import { packageRoot, resolvePath } from '../util/paths.ts';
import { parseQuantity } from '../util/quantity.ts';
import { type Flavour, findFile } from './flavour.ts';
import { type Layer, layered } from './layers.ts';
import type { Warning } from './types.ts';

const packagedTargets: string = join(packageRoot, 'k8s', 'configs');

/** How the command line says where. */
export interface TargetFlags {
  /** -t: a target file or the name of a kube context. */
  target?: string;
  /** -l, -r or --hybrid. */
  section?: TargetSection;
  kubeconfig?: string;
  context?: string;
}

/** Where the flavour runs, before any driver has looked at it. */
export interface ResolvedTarget {
  driver: string;
  section: TargetSection;
  name: string;
  cpus?: number;
  /** MiB per node. */
  memory?: number;
  storage?: string;
  nodes?: number;
  gpuSupport: boolean;
  version?: string;
  storageClass: string | null;
  config?: string;
  context?: string;
  /** The section as written. */
  settings: Tree;
  layers: Layer[];
}

export interface TargetInput {
  flavour: Flavour;
  project: Project;
  /** The `project:` of all sources together, for places. */
  projectDocument: ParsedDocument;
  /** The `--set` flags. */
  overrides: Layer;
  warn: (warning: Warning) => void;
}

/**
 * Finds the target: -t, --kubeconfig or --context, the inline section that a flag names, the
 * only inline section, `k8s_default_config`; undefined when nothing says where.
 */
export function resolveTarget(input: TargetInput, flags: TargetFlags): ResolvedTarget | undefined {
  const { overrides, warn } = input;
  const found = find(input, flags);
  if (found === undefined) return undefined;
  const layers = [...found.layers, { document: overrides.document, path: ['target'] }];
  const document = layered(layers);
  const whole = validate(
    TargetFile,
    { [found.section]: dropNulls(document.data) },
    {
      document: { ...document, locate: (path, part) => document.locate(path.slice(1), part) },
      path: [],
      label: '',
    },
  );
  const settings = whole[found.section] as Tree;
  // Those in the flavour were warned of already.
  const inFlavour = found.layers[0]?.document === input.flavour.layers[0]?.document;
  dropObsolete(settings, found.section, document, inFlavour ? () => {} : warn);
  return toTarget(settings, found.section, layers, document);
}

/** Every target section of a flavour must be right, whichever is used; old keys in them are warned of. */
export function checkInlineTargets(flavour: Flavour, warn: (warning: Warning) => void): void {
  for (const section of ['local', 'remote', 'hybrid'] as const) {
    const said = (flavour.document.data as Tree)[section];
    if (said === undefined || said === null) continue;
    const whole = validate(
      TargetFile,
      { [section]: dropNulls(said) },
      { document: flavour.document, path: [], label: '' },
    );
    const document = layered(flavour.layers.map((layer) => ({ ...layer, path: [section] })));
    dropObsolete(whole[section] as Tree, section, document, warn);
  }
}

function find(
  { flavour, project, projectDocument }: TargetInput,
  flags: TargetFlags,
): { section: TargetSection; layers: Layer[] } | undefined {
  if (flags.target !== undefined) return fromFlag(flags.target, flags);
  if (flags.kubeconfig !== undefined || flags.context !== undefined) return existing(flags.context, flags);
  const inline = (['local', 'remote', 'hybrid'] as const).filter((section) =>
    isTree((flavour.document.data as Tree)[section]),
  );
  const section =
    flags.section === undefined
      ? inline.length === 1
        ? inline[0]
        : undefined
      : inline.find((name) => name === flags.section);
  if (section !== undefined)
    return { section, layers: flavour.layers.map(({ document }) => ({ document, path: [section] })) };
  const named = project.k8s_default_config;
  if (named === undefined) {
    if (flags.section === undefined) return undefined;
    throw configError('NO_TARGET', `the flavour has no \`${flags.section}:\` section`, {
      at: { file: flavour.file, line: 1, column: 1 },
      hint: whereHint(),
    });
  }
  const at = projectDocument.locate(['k8s_default_config']);
  return fromFile(findFile(named, dirname(at.file), packagedTargets), flags.section, at);
}

function fromFlag(target: string, flags: TargetFlags) {
  const file = findFile(target, process.cwd(), packagedTargets);
  if (existsSync(file)) return fromFile(file, flags.section);
  if (/[/\\]|\.ya?ml$/.test(target)) {
    throw configError('FILE_MISSING', `the target file ${target} does not exist`, { hint: whereHint() });
  }
  return existing(target, flags);
}

function existing(
  context: string | undefined,
  flags: TargetFlags,
): { section: TargetSection; layers: Layer[] } {
  const settings = Object.fromEntries(
    Object.entries({ config: flags.kubeconfig, context: flags.context ?? context }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const file =
    flags.kubeconfig === undefined && flags.context === undefined ? '-t' : '--kubeconfig/--context';
  return {
    section: 'hybrid',
    layers: [{ document: syntheticDocument(file, { hybrid: settings }), path: ['hybrid'] }],
  };
}

function fromFile(
  file: string,
  wanted: TargetSection | undefined,
  from?: Location,
): { section: TargetSection; layers: Layer[] } {
  const document = readDocument(file, 'target', from);
  const whole = validate(TargetFile, document.data ?? {}, { document, path: [], label: '' });
  const there = (['local', 'remote', 'hybrid'] as const).filter((section) => whole[section] !== undefined);
  const section = wanted === undefined ? there[0] : there.find((name) => name === wanted);
  if (section === undefined) {
    const missing =
      wanted === undefined ? 'no `local:`, `remote:` or `hybrid:` section' : `no \`${wanted}:\` section`;
    throw configError('NO_TARGET', `the target file has ${missing}`, {
      at: { file, line: 1, column: 1 },
      hint: whereHint(),
    });
  }
  return { section, layers: [{ document, path: [section] }] };
}

function toTarget(
  settings: Tree,
  section: TargetSection,
  layers: Layer[],
  document: ParsedDocument,
): ResolvedTarget {
  const { file } = document.locate(['config']);
  const s = settings as { [key: string]: never };
  return {
    driver: section === 'hybrid' ? 'hybrid' : s.provider!,
    section,
    name: s.name ?? s.cluster_name ?? 'datamill',
    cpus: s.cpus,
    memory: toMebibytes(s.memory),
    storage: s.storage,
    nodes: s.nodes ?? s.no_nodes,
    gpuSupport: s.gpu_support ?? false,
    version: s.version,
    storageClass: s.storage_class ?? null,
    config:
      s.config === undefined
        ? undefined
        : resolvePath(s.config, existsSync(file) ? dirname(file) : process.cwd()),
    context: s.context,
    settings,
    layers,
  };
}

function toMebibytes(memory: number | string | undefined): number | undefined {
  if (memory === undefined || typeof memory === 'number') return memory;
  if (/^[\d.]+$/.test(memory)) return Number(memory);
  // The schema let only quantities through.
  return Math.floor((parseQuantity(memory) ?? 0) / 1024 / 1024);
}

function dropObsolete(
  settings: Tree,
  section: string,
  document: ParsedDocument,
  warn: (warning: Warning) => void,
): void {
  for (const [key, reason] of Object.entries(obsoleteTargetKeys)) {
    if (settings[key] === undefined) continue;
    warn({
      message: `${section}.${key} has no meaning any more: ${reason}`,
      at: document.locate([key], 'key'),
    });
    delete settings[key];
  }
}

/** The error of a command that needs a target when nothing says where. */
export function noTargetError(flavour: Flavour): DatamillError {
  const inline = ['local', 'remote', 'hybrid'].filter((section) =>
    isTree((flavour.document.data as Tree)[section]),
  );
  const choose =
    inline.length > 1 ? `the flavour has ${inline.join(', ')}: choose with -l, -r or --hybrid; or ` : '';
  return configError('NO_TARGET', 'nothing says where to install', {
    at: { file: flavour.file, line: 1, column: 1 },
    hint: `${choose}${whereHint()}`,
  });
}

function whereHint(): string {
  const files = existsSync(packagedTargets)
    ? readdirSync(packagedTargets).filter((name) => name.endsWith('.yaml'))
    : [];
  return `give a target with -t: a file, the name of a kube context, or a packaged one (${files.sort().join(', ')})`;
}
