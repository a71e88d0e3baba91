import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import type { Chart } from '../config/schema/component.ts';
import { configError, DatamillError } from '../errors.ts';
import { exec } from '../util/exec.ts';
import { cacheFolder } from '../util/paths.ts';
import { readChartArchive } from './archive.ts';
import { pullArgs } from './args.ts';
import { ChartMirror } from './mirror.ts';
import { type Helm, helmMessage } from './run.ts';

/** A chart on this machine. */
export interface PreparedChart {
  /** Folder or archive. */
  path: string;
  /** Digest of its content: of the archive, or of all files of the folder. */
  digest: string;
  name: string;
  version: string;
  /** False when nothing in it can be a definition of a custom kind outside the templates. */
  hasCrds: boolean;
}

export interface ChartSource {
  /** Gives helm, which only charts from afar need. */
  helm(): Promise<Helm>;
  signal?: AbortSignal;
  progress?(message: string): void;
  /** Folder of packaged charts that is used instead of every repository. */
  mirror?: string;
}

/** Prepares charts, each once however many components use it. */
export class ChartStore {
  readonly #prepared = new Map<string, Promise<PreparedChart>>();
  readonly #source: ChartSource;
  readonly #mirror?: ChartMirror;

  constructor(source: ChartSource) {
    this.#source = source;
    if (source.mirror !== undefined) this.#mirror = new ChartMirror(source.mirror);
  }

  /**
   * @throws {DatamillError} CHART_INVALID (exit 2), CHART_UNAVAILABLE or CHART_DIGEST (exit 1).
   */
  prepare(chart: Chart): Promise<PreparedChart> {
    const key = JSON.stringify(chart);
    const known = this.#prepared.get(key) ?? this.#fetch(chart);
    this.#prepared.set(key, known);
    return known;
  }

  async #fetch(chart: Chart): Promise<PreparedChart> {
    if (chart.git === undefined && chart.path !== undefined) return this.#local(chart.path, chart);
    if (this.#mirror !== undefined) return this.#local(this.#mirror.find(chart), chart);
    if (chart.git !== undefined)
      return this.#local(join(await this.#clone(chart.git, chart.ref!), chart.path ?? '.'), chart);
    return this.#local(await this.#pull(chart), chart);
  }

  async #local(path: string, chart: Chart): Promise<PreparedChart> {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new DatamillError('CHART_UNAVAILABLE', `there is no chart at ${path}`);
    if (!stat.isDirectory()) {
      const digest = `sha256:${sha256(readFileSync(path))}`;
      checkDigest(chart, digest, path);
      return { path, digest, ...readChartArchive(path) };
    }
    const file = join(path, 'Chart.yaml');
    if (!existsSync(file))
      throw configError('CHART_INVALID', `${path} is not a chart: it has no Chart.yaml`, {
        at: { file: path },
        hint: 'name the folder that holds Chart.yaml',
      });
    const metadata = parse(readFileSync(file, 'utf8')) as { name?: string; version?: string } | null;
    const digest = `sha256:${folderDigest(path)}`;
    checkDigest(chart, digest, path);
    const hasCrds = ['crds', 'charts'].some((name) => existsSync(join(path, name)));
    return {
      path,
      digest,
      name: String(metadata?.name ?? ''),
      version: String(metadata?.version ?? ''),
      hasCrds,
    };
  }

  /** Charts of an exact version never change, so what is in the cache is used without a network. */
  async #pull(chart: Chart): Promise<string> {
    const version = chart.version!;
    const id = sha256(Buffer.from(`${chart.oci ?? `${chart.repo}|${chart.name}`}|${version}`)).slice(0, 24);
    const folder = cacheFolder('charts', id);
    const there = archiveIn(folder);
    if (there !== undefined) return there;
    this.#source.progress?.(`downloading chart ${chart.name ?? chart.oci} ${version}`);
    const work = temporary(folder);
    const helm = await this.#source.helm();
    const result = await helm.run(pullArgs({ ...chart, version }, work), { signal: this.#source.signal });
    if (result.exitCode !== 0) {
      rmSync(work, { recursive: true, force: true });
      throw new DatamillError(
        'CHART_UNAVAILABLE',
        `the chart ${chart.name ?? chart.oci} ${version} cannot be downloaded: ${helmMessage(result)}`,
        {
          hint: `check the network and the version; or put the archive on this machine and say \`chart: { path: … }\``,
        },
      );
    }
    publish(work, folder);
    const archive = archiveIn(folder);
    if (archive === undefined)
      throw new DatamillError('CHART_UNAVAILABLE', `helm pull of ${chart.name ?? chart.oci} left no archive`);
    return archive;
  }

  async #clone(url: string, ref: string): Promise<string> {
    if (url.startsWith('-') || ref.startsWith('-'))
      throw configError('CHART_INVALID', 'a git URL or ref cannot begin with a dash');
    const folder = cacheFolder('charts', sha256(Buffer.from(`${url}|${ref}`)).slice(0, 24));
    if (existsSync(folder)) return folder;
    this.#source.progress?.(`cloning ${url} at ${ref}`);
    const work = temporary(folder);
    const git = (...args: string[]) =>
      exec('git', ['-C', work, ...args], { signal: this.#source.signal, env: { GIT_TERMINAL_PROMPT: '0' } });
    const steps = [
      ['init', '--quiet'],
      ['fetch', '--quiet', '--depth', '1', '--', url, ref],
      ['checkout', '--quiet', 'FETCH_HEAD'],
    ];
    for (const step of steps) {
      const result = await git(...step);
      if (result.exitCode === 0) continue;
      rmSync(work, { recursive: true, force: true });
      throw new DatamillError(
        'CHART_UNAVAILABLE',
        `${url} at ${ref} cannot be cloned: ${result.stderr.trim().split('\n').at(-1) ?? ''}`,
        { hint: 'check the URL, the tag and your access' },
      );
    }
    rmSync(join(work, '.git'), { recursive: true, force: true });
    publish(work, folder);
    return folder;
  }
}

function temporary(folder: string): string {
  mkdirSync(join(folder, '..'), { recursive: true });
  return mkdtempSync(`${folder}.tmp-`);
}

/** Another process may have been faster: its result is as good. */
function publish(work: string, folder: string): void {
  try {
    renameSync(work, folder);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

function archiveIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  return name === undefined ? undefined : join(folder, name);
}

function checkDigest(chart: Chart, digest: string, path: string): void {
  if (chart.digest === undefined || chart.digest === digest) return;
  throw new DatamillError(
    'CHART_DIGEST',
    `the chart at ${path} has digest ${digest}, but ${chart.digest} is pinned`,
    { hint: 'the chart was changed since it was pinned: find out by whom before you trust it' },
  );
}

/** Digest over names and contents of all files below a folder. */
function folderDigest(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesBelow(folder)) {
    const content = readFileSync(file);
    hash.update(`${relative(folder, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return statSync(path, { throwIfNoEntry: false })?.isFile() ? [path] : [];
    });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
