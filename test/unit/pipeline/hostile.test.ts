import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkPipeline, exportPipeline } from '../../../src/actions/pipeline/export.ts';
import { pipelineGraph } from '../../../src/actions/pipeline/graph.ts';
import { DatamillError } from '../../../src/errors.ts';
import { copyOfFixture } from '../../helpers/pipelines.ts';

let remove = () => {};
afterEach(() => remove());

/** A copy of the smallest project, with files of the test's own in it. */
function project(files: Record<string, string>): string {
  const copy = copyOfFixture('ml-basic');
  remove = copy.remove;
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy.folder, name)), { recursive: true });
    writeFileSync(join(copy.folder, name), text);
  }
  return copy.folder;
}

const cell = (upstream: string) => `# %% tags=["parameters"]\nupstream = ${upstream}\n# %%\n`;
const tasks = (...lines: string[]) => `tasks:\n${lines.map((line) => `  - ${line}\n`).join('')}`;

/** Every file with its text and its time of change. */
function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .sort()
      .filter((name) => lstatSync(join(folder, name)).isFile())
      .map((name) => [
        name,
        `${statSync(join(folder, name)).mtimeMs} ${readFileSync(join(folder, name), 'utf8')}`,
      ]),
  );
}

/** Runs all three verbs on a project; none may write. @returns the errors of the export. */
async function refused(cwd: string): Promise<DatamillError[]> {
  const before = snapshot(cwd);
  const thrown = await exportPipeline({ cwd }).catch((error: unknown) => error);
  await pipelineGraph({ cwd }).catch(() => undefined);
  await checkPipeline({ cwd }).catch(() => undefined);

  expect(snapshot(cwd)).toEqual(before);
  expect(thrown).toBeInstanceOf(DatamillError);
  const error = thrown as DatamillError;
  expect(error.exitCode).toBe(2);
  return [error, ...error.others];
}

const brief = (error: DatamillError | undefined) =>
  `${error?.code} ${error?.at?.file.split('/').at(-1)}:${error?.at?.line}:${error?.at?.column}`;

describe('a hostile or odd project', () => {
  it('has a circle, which is shown', async () => {
    const cwd = project({
      'pipeline.yaml': tasks(
        '{source: a.py, product: a.ipynb}',
        '{source: b.py, product: b.ipynb}',
        '{source: c.py, product: c.ipynb}',
      ),
      'a.py': cell('["c"]'),
      'b.py': cell('["a"]'),
      'c.py': cell('["b"]'),
    });

    const [error] = await refused(cwd);

    expect(error?.code).toBe('CYCLE');
    expect(error?.message).toContain('a -> b -> c -> a');
    expect(error?.at?.line).toBe(2);
  });

  it('has a pattern that matches its own task', async () => {
    const cwd = project({
      'pipeline.yaml': tasks(
        '{source: a.py, name: train-a, product: a.ipynb}',
        '{source: b.py, name: train-b, product: b.ipynb}',
      ),
      'a.py': cell('None'),
      'b.py': cell('["train-*"]'),
    });

    const [error] = await refused(cwd);

    expect(brief(error)).toBe('CYCLE pipeline.yaml:3:5');
    expect(error?.hint).toContain('train-*');
  });

  it('asks for a task that there is not, and makes one file twice', async () => {
    const missing = project({
      'pipeline.yaml': tasks('{source: a.py, product: a.ipynb}'),
      'a.py': cell('[\n  "nobody"]'),
    });
    expect(brief((await refused(missing))[0])).toBe('UPSTREAM_UNKNOWN a.py:2:12');
    remove();

    const twice = project({
      'pipeline.yaml': tasks('{source: a.py, product: x/../a.ipynb}', '{source: b.py, product: a.ipynb}'),
      'a.py': cell('None'),
      'b.py': cell('None'),
    });
    expect(brief((await refused(twice))[0])).toBe('PRODUCT_DUPLICATE pipeline.yaml:3:5');
  });

  it('has a wrongly named env file, and states upstream where it is taken from sources', async () => {
    const cwd = project({
      'pipeline.yaml': tasks('{source: a.py, product: "{{x}}.ipynb"}'),
      'env.yml': 'x: 1\n',
      'a.py': cell('None'),
    });
    expect(brief((await refused(cwd))[0])).toBe('ENV_EXTENSION env.yml:1:1');
    remove();

    const stated = project({
      'pipeline.yaml': tasks('{source: a.py, product: a.ipynb, upstream: x}'),
      'a.py': cell('None'),
    });
    expect(brief((await refused(stated))[0])).toBe('UPSTREAM_STATED pipeline.yaml:2:48');
  });

  it('holds code that would run where its value is asked for', async () => {
    const cwd = project({
      'pipeline.yaml': tasks(
        '{source: a.py, product: a.ipynb}',
        '{source: m.f, product: f.csv}',
        '{source: m.f, name: g, product: g.csv, grid: {x: "m::values"}}',
      ),
      'a.py': cell('__import__("os").system("touch executed") or None'),
      'm.py':
        'open("executed", "w")\ndef f(product, upstream):\n    upstream[open("executed", "w")]\ndef values():\n    open("executed", "w")\n',
    });

    const errors = await refused(cwd);

    expect(errors.map(brief)).toEqual([
      'UPSTREAM_NOT_CONSTANT a.py:2:12',
      'UPSTREAM_NOT_CONSTANT m.py:3:5',
      'UPSTREAM_NOT_CONSTANT m.py:3:5',
    ]);
    expect(existsSync(join(cwd, 'executed'))).toBe(false);
  });

  it('leads out of its folder, by a link or by dots', async () => {
    const cwd = project({
      'pipeline.yaml': tasks(
        '{source: link.py, product: a.ipynb}',
        '{source: ../../other.py, product: b.ipynb}',
        '{source: linked/c.py, product: c.ipynb}',
      ),
      '../other.py': cell('None'),
      '../outside/c.py': cell('None'),
    });
    symlinkSync('../other.py', join(cwd, 'link.py'));
    symlinkSync('../outside', join(cwd, 'linked'));
    const errors = await refused(cwd);

    expect(errors.map(({ code, at }) => `${code} ${at?.line}`)).toEqual([
      'SOURCE_OUTSIDE 2',
      'SOURCE_OUTSIDE 3',
      'SOURCE_OUTSIDE 4',
    ]);
  });

  it('leads to itself, to a pipe or to a folder', async () => {
    const cwd = project({
      'pipeline.yaml': tasks('{source: loop.py, product: a.ipynb}', '{source: dir.py, product: b.ipynb}'),
    });
    symlinkSync('loop.py', join(cwd, 'loop.py'));
    mkdirSync(join(cwd, 'dir.py'));

    expect((await refused(cwd)).map(({ code }) => code)).toEqual(['SOURCE_INVALID', 'SOURCE_INVALID']);
  });

  it('grows without end, by aliases or by a grid', async () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
      .split('')
      .map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]}, `.repeat(9)}]`)
      .join('\n')}\ntasks: *h\n`;
    expect((await refused(project({ 'pipeline.yaml': bomb })))[0]?.code).toBe('YAML_ALIASES');
    remove();

    const axis = `[${Array.from({ length: 50 }, (_, index) => index).join(', ')}]`;
    const grid = project({
      'pipeline.yaml': tasks(
        `{source: a.py, name: a-, product: a.ipynb, grid: {x: ${axis}, y: ${axis}, z: ${axis.slice(0, 70)}]}}`.replace(
          /, \d*\]\}/,
          ']}',
        ),
      ),
      'a.py': cell('None'),
    });
    const [error] = await refused(grid);
    expect(error?.code).toBe('GRID_TOO_LARGE');
    expect(error?.message).toMatch(/makes \d{5} tasks/);
  });

  it('has no environment, or a wrong one, and products that pods would lose', async () => {
    const cwd = project({
      'environment.yml': 'nme: x\ndependencies: [python]\n',
      'pipeline.yaml': tasks(
        '{source: tasks.get, product: /elsewhere/a.csv}',
        '{source: tasks.get, name: b, product: ../b.csv}',
      ),
    });

    expect((await refused(cwd)).map(({ code }) => code)).toEqual([
      'UNKNOWN_KEY',
      'PRODUCT_OUTSIDE',
      'PRODUCT_OUTSIDE',
    ]);
  });
});

describe('export', () => {
  it('writes its file and nothing else', async () => {
    const cwd = project({});
    const before = Object.keys(snapshot(cwd));

    const { file } = await exportPipeline({ cwd });
    const first = readFileSync(file!, 'utf8');
    await exportPipeline({ cwd });

    expect(file).toBe(join(cwd, 'argo.yaml'));
    expect(Object.keys(snapshot(cwd)).filter((name) => !before.includes(name))).toEqual(['argo.yaml']);
    expect(readFileSync(file!, 'utf8')).toBe(first);
  });

  it('does not follow a link out of the project', async () => {
    const cwd = project({ '../victim.txt': 'precious' });
    symlinkSync('../victim.txt', join(cwd, 'argo.yaml'));

    await expect(exportPipeline({ cwd })).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(readFileSync(join(cwd, '../victim.txt'), 'utf8')).toBe('precious');
  });
});
