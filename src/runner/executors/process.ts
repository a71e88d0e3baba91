import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatamillError } from '../../errors.ts';
import { runChild } from './child.ts';
import type { Ended, Executor, Task } from './contract.ts';
import { environmentOf } from './environment.ts';
import { folderSize } from './usage.ts';
import { pythonFor } from './virtualenv.ts';
import { shellWords } from './words.ts';

export interface ProcessOptions {
  /** Folder of virtual environments. */
  environments: string;
  /** What `STUDIOML_HOME` says. */
  home: string;
}

/** Milliseconds between two measurements of the disk. */
const MEASURE_EVERY = 5_000;

/** Runs experiments as processes of this machine, in a virtual environment. */
export class ProcessExecutor implements Executor {
  readonly name = 'process';
  readonly #options: ProcessOptions;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  async run(task: Task): Promise<Ended> {
    const { request, folder, resources, signal, mask, onOutput, doing } = task;
    const python = await pythonFor(request, { cache: this.#options.environments, signal, doing });
    await mkdir(join(folder.root, '_runner', 'tmp'), { recursive: true });
    doing('running');
    return await runChild([python, ...programOf(task)], {
      cwd: join(folder.root, 'workspace'),
      env: environmentOf(request, { root: folder.root, home: this.#options.home }, resources),
      log: folder.log,
      signal,
      mask,
      onOutput,
      limits: { ram: resources.ram, exceeded: diskLimit(folder.root, resources.hdd) },
    });
  }
}

/** @throws {DatamillError} BAD_REQUEST when the program is outside of the workspace. */
function programOf({ request }: Pick<Task, 'request'>): string[] {
  const { filename, args } = request.experiment;
  if (!filename)
    throw new DatamillError('BAD_REQUEST', 'the request cannot be run: experiment.filename is missing');
  if (filename.startsWith('/') || filename.split('/').includes('..'))
    throw new DatamillError(
      'BAD_REQUEST',
      'the request cannot be run: experiment.filename leaves the workspace',
    );
  return [filename, ...shellWords((args ?? []).join(' '))];
}

/** Measured now and then, as there are no quotas for folders. */
function diskLimit(folder: string, limit: number): () => Promise<string | undefined> {
  let next = 0;
  return async () => {
    if (performance.now() < next) return undefined;
    next = performance.now() + MEASURE_EVERY;
    const started = performance.now();
    const size = await folderSize(folder);
    // A folder with very many files is measured less often.
    next = performance.now() + Math.max(MEASURE_EVERY, 20 * (performance.now() - started));
    return size > limit ? `it used ${size} bytes of disk, more than the ${limit} asked for` : undefined;
  };
}
