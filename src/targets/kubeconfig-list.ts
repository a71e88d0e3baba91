import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { configError, errorMessage, unreachableError } from '../errors.ts';
import { writeAtomically } from '../util/atomic.ts';
import { stateFolder } from '../util/paths.ts';

type Fields = Record<string, unknown>;
type List = 'clusters' | 'contexts' | 'users';

/** One kubeconfig, and where it is. */
interface Part {
  file: string;
  config: Fields;
}

/** As kubectl: the files of $KUBECONFIG, else ~/.kube/config. */
export function kubeconfigFiles(): string[] {
  const said = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  return said.length > 0 ? [...new Set(said)] : [join(homedir(), '.kube', 'config')];
}

/**
 * Several kubeconfigs as one, by kubectl's rules: of what stands in several files the first counts,
 * and of files that are not there nothing is said as long as one is.
 */
export class KubeconfigList {
  readonly #parts: Part[];
  readonly #files: readonly string[];

  private constructor(parts: Part[], files: readonly string[]) {
    this.#parts = parts;
    this.#files = files;
  }

  /** @throws {DatamillError} NO_KUBECONFIG (exit 4), INVALID_KUBECONFIG (exit 2). */
  static async read(files: readonly string[]): Promise<KubeconfigList> {
    const parts: Part[] = [];
    let missing: unknown;
    for (const file of files) {
      try {
        parts.push({ file, config: await parsed(file, await readFile(file, 'utf8')) });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || files.length === 1)
          throw readError(file, error);
        missing = error;
      }
    }
    if (parts.length === 0) throw readError(files.join(delimiter), missing);
    return new KubeconfigList(parts, files);
  }

  /** What to call it in messages. */
  get name(): string {
    return this.#files.join(delimiter);
  }

  get contexts(): string[] {
    return [...new Set(this.#parts.flatMap(({ config }) => namesIn(config)))];
  }

  get currentContext(): string | undefined {
    return this.#parts.map(({ config }) => config['current-context']).find(isText);
  }

  /**
   * A file that holds a context with its cluster and its user: one of those that there are, or, when
   * they are spread over several, one of ours (mode 0600, in the state folder).
   */
  async fileOf(context: string): Promise<string> {
    const found = this.#find('contexts', context)!;
    const { cluster, user } = fieldsOf(found.entry.context);
    const needed = [found, this.#find('clusters', cluster), this.#find('users', user)];
    if (needed.every((one) => one === undefined || one.part === found.part)) return found.part.file;
    const [, clusterAt, userAt] = needed;
    const merged = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': context,
      contexts: [found.entry],
      clusters: clusterAt === undefined ? [] : [withPaths(clusterAt, 'cluster', CLUSTER_FILES)],
      users: userAt === undefined ? [] : [withPaths(userAt, 'user', USER_FILES)],
    };
    const digest = createHash('sha256').update(`${this.name}\n${context}`).digest('hex').slice(0, 16);
    const file = stateFolder('kubeconfigs', `${digest}.yaml`);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const { stringify } = await import('yaml');
    await writeAtomically(file, stringify(merged), 0o600);
    return file;
  }

  #find(list: List, name: unknown): { part: Part; entry: Fields } | undefined {
    for (const part of this.#parts) {
      const entry = entriesOf(part.config, list).find((one) => one.name === name);
      if (entry !== undefined) return { part, entry };
    }
    return undefined;
  }
}

/** What names files: relative to the kubeconfig that it stands in. */
const CLUSTER_FILES = ['certificate-authority'];
const USER_FILES = ['client-certificate', 'client-key', 'tokenFile'];

function withPaths({ part, entry }: { part: Part; entry: Fields }, word: string, files: string[]): Fields {
  const said = { ...fieldsOf(entry[word]) };
  for (const name of files)
    if (isText(said[name])) said[name] = resolve(dirname(part.file), said[name] as string);
  const { exec } = said as { exec?: { command?: unknown } };
  // Only a command with a slash is a path; others are looked for in PATH.
  if (isText(exec?.command) && /[/\\]/.test(exec.command as string))
    said.exec = { ...exec, command: resolve(dirname(part.file), exec.command as string) };
  return { ...entry, [word]: said };
}

function entriesOf(config: Fields, list: List): Fields[] {
  return Array.isArray(config[list]) ? (config[list] as unknown[]).map(fieldsOf) : [];
}

function namesIn(config: Fields): string[] {
  return entriesOf(config, 'contexts')
    .map(({ name }) => name)
    .filter(isText);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

async function parsed(file: string, text: string): Promise<Fields> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw configError('INVALID_KUBECONFIG', `${file} is not YAML: ${errorMessage(cause).split('\n')[0]}`, {
      cause,
    });
  }
  if (typeof document === 'object' && document !== null) return document as Fields;
  throw configError('INVALID_KUBECONFIG', `${file} is not a kubeconfig.`);
}

function readError(file: string, cause: unknown): unknown {
  if ((cause as { code?: string }).code === 'INVALID_KUBECONFIG') return cause;
  return unreachableError('NO_KUBECONFIG', `The kubeconfig ${file} cannot be read.`, {
    hint: 'Name another one with `config`, or set KUBECONFIG.',
    cause,
  });
}
