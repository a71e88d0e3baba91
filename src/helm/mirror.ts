import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Chart } from '../config/schema/component.ts';
import { configError, DatamillError } from '../errors.ts';
import { readChartArchive } from './archive.ts';

interface Entry {
  name: string;
  version: string;
  path: string;
}

/** A folder of packaged charts that stands in for every repository. */
export class ChartMirror {
  readonly #folder: string;
  #entries?: Entry[];

  /** @param folder holds .tgz files, itself or in `charts/`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The archive of a chart: by name, and by version where one is pinned.
   *
   * @throws {DatamillError} CHART_UNAVAILABLE (exit 1) with what is there instead.
   */
  find(chart: Chart): string {
    const name = chartName(chart);
    const same = this.#read().filter((entry) => entry.name === name);
    const found = same.filter(({ version }) => chart.version === undefined || version === chart.version);
    const [first, second] = found;
    if (first !== undefined && second === undefined) return first.path;
    const wanted = chart.version === undefined ? name : `${name} ${chart.version}`;
    if (second !== undefined)
      throw unavailable(
        `the mirror ${this.#folder} holds ${wanted} twice: ${found.map(({ path }) => basename(path)).join(', ')}`,
        'take one of them away, or name its version in the flavour',
      );
    const others = same.map(({ version }) => version).join(', ');
    throw unavailable(
      `the mirror ${this.#folder} does not hold the chart ${wanted}`,
      others === ''
        ? 'add the archive to that folder, or run without --mirror'
        : `it holds ${others}: name one with \`version: "${same[0]!.version}"\` in the component's section`,
    );
  }

  #read(): Entry[] {
    if (this.#entries !== undefined) return this.#entries;
    if (!existsSync(this.#folder))
      throw configError('MIRROR_MISSING', `there is no mirror at ${this.#folder}`, {
        hint: 'name a folder that holds packaged charts (.tgz)',
      });
    const folders = [this.#folder, join(this.#folder, 'charts')].filter((folder) => existsSync(folder));
    this.#entries = folders.flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => file.endsWith('.tgz'))
        .map((file) => join(folder, file))
        .map((path) => ({ ...readChartArchive(path), path })),
    );
    return this.#entries;
  }
}

/** The name of a chart, whatever its source. */
export function chartName({ name, oci, git, path }: Chart): string {
  return name ?? basename(oci ?? path ?? git ?? '').replace(/\.git$/, '');
}

function unavailable(message: string, hint: string): DatamillError {
  return new DatamillError('CHART_UNAVAILABLE', message, { hint });
}
