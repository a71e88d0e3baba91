import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Code,
  type ExportOptions,
  exportProject,
  readProject,
  statusPod,
} from '../../src/pipeline/index.ts';
import { pipelineFolder } from '../helpers/pipelines.ts';

const python = inject('oraclePython');
const VERSION = '0123456789ab';
const code: Code = { from: 'disk', version: VERSION };

/** What pods run, on a folder of this machine in the place of the disk, with the oracle's Python. */
describe.skipIf(python === '')('the scripts of pods', { timeout: 240_000 }, () => {
  let folder: string;
  let disk: string;
  let place: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'datamill-scripts-'));
    disk = join(folder, "the 'disk'");
    place = join(disk, '.datamill/versions', VERSION);
    mkdirSync(dirname(place), { recursive: true });
    cpSync(join(pipelineFolder, 'ml-basic'), place, { recursive: true });
    const { environment } = await exported({});
    const home = join(disk, '.datamill/environments', environment.digest);
    mkdirSync(dirname(home), { recursive: true });
    symlinkSync(join(dirname(python), '..'), home);
    // What says that an environment is whole is there in the oracle's, too.
    expect(existsSync(join(home, '.complete'))).toBe(true);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function exported(options: ExportOptions) {
    const project = await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, 'ml-basic') });
    return await exportProject(project, { ...options, mountPath: disk, code });
  }

  async function runTask(name: string, options: ExportOptions): Promise<{ code: number; output: string }> {
    const { objects } = await exported(options);
    const { spec } = objects[0] as { spec: { templates: Array<{ script: { source: string } }> } };
    return await bash(spec.templates[0]!.script.source, { TASK: name });
  }

  function bash(script: string, env: Record<string, string>): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      execFile('bash', ['-c', script], { cwd: '/', env: { ...process.env, ...env } }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), output: out + err }),
      );
    });
  }

  async function outdated(): Promise<string[]> {
    const project = await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, 'ml-basic') });
    const pod = (await statusPod(project, { mountPath: disk, code }, '--mark--')) as {
      containers: Array<{ command: string[] }>;
    };
    const { output } = await bash(pod.containers[0]!.command[2]!, {});
    const lines = output.split('\n');
    return lines
      .slice(lines.indexOf('--mark--') + 1, lines.lastIndexOf('--mark--'))
      .map((line) => JSON.parse(line) as string);
  }

  it('run a task in the folder of the version, and tell what is outdated', async () => {
    expect(await outdated()).toEqual(['get', 'features', 'join', 'fit']);
    const get = await runTask('get', {});

    expect(get.code, get.output).toBe(0);
    expect(readFileSync(join(place, 'output/get.csv'), 'utf8').split('\n')[0]).toMatch(/^id,x/);
    expect(await outdated()).toEqual(['features', 'join', 'fit']);
  });

  it('leave a task that is up to date', async () => {
    const product = join(place, 'output/features.csv');
    await runTask('features', { mode: 'regular' });
    const first = readFileSync(product, 'utf8');
    writeFileSync(product, 'changed');
    const regular = await runTask('features', { mode: 'regular' });

    expect(first).toContain('square');
    expect(regular).toMatchObject({ code: 0, output: expect.stringContaining('features is up to date') });
    expect(readFileSync(product, 'utf8')).toBe('changed');
  });

  it('say so where the code was never uploaded', async () => {
    const project = await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, 'ml-basic') });
    const { objects } = await exportProject(project, {
      mountPath: disk,
      code: { from: 'disk', version: 'ffffffffffff' },
    });
    const { spec } = objects[0] as { spec: { templates: Array<{ script: { source: string } }> } };
    const { code: exit, output } = await bash(spec.templates[0]!.script.source, { TASK: 'get' });

    expect(exit).toBe(3);
    expect(output).toContain('version ffffffffffff of the project is not on the shared disk');
  });
});
