import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { argoNames } from '../../../src/pipeline/export/names.ts';
import { quoteWord } from '../../../src/pipeline/export/quote.ts';
import {
  type ExportOptions,
  exportProject,
  type Project,
  readProject,
  type Task,
} from '../../../src/pipeline/index.ts';
import { pipelineFolder } from '../../helpers/pipelines.ts';

/** validation_utils.go of Argo, and what it takes as the name of a pod. */
const ARGO_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

describe('names for Argo', () => {
  const odd = [
    'sepal_area',
    'Sepal-Area',
    'sepal.area',
    'sepal-area',
    '2nd',
    'é',
    '日本',
    '-',
    '',
    'a'.repeat(200),
    `${'a'.repeat(199)}b`,
    't-2nd',
    'a b',
    'a{{x}}',
    'A',
    'a',
  ];
  const many = [...odd, ...Array.from({ length: 1000 }, (_, index) => `train-model-${index}`)];

  it('are such that Argo takes, all different, and the same in any order', () => {
    const names = argoNames(many);

    expect([...names.keys()]).toEqual(many);
    expect([...names.values()].filter((name) => !ARGO_NAME.test(name) || name.length > 63)).toEqual([]);
    expect(new Set(names.values()).size).toBe(many.length);
    const reversed = argoNames([...many].reverse());
    for (const name of many) expect(reversed.get(name)).toBe(names.get(name));
  });

  it('stay as they are where they can', () => {
    const names = argoNames(many);

    expect(names.get('sepal-area')).toBe('sepal-area');
    expect(names.get('a')).toBe('a');
    expect(names.get('train-model-7')).toBe('train-model-7');
    expect(names.get('sepal_area')).toMatch(/^sepal-area-[0-9a-f]{6}$/);
  });

  it('are fine for random names', () => {
    const random = generator(7);
    const letters = ['a', 'B', '-', '_', '.', '0', 'é', ' ', '{', '-a'];
    for (let round = 0; round < 200; round += 1) {
      const names = [
        ...new Set(
          Array.from({ length: 30 }, () =>
            Array.from({ length: 1 + random(4) }, () => letters[random(letters.length)]).join(''),
          ),
        ),
      ];
      const result = [...argoNames(names).values()];
      expect(new Set(result).size).toBe(names.length);
      expect(result.filter((name) => !ARGO_NAME.test(name))).toEqual([]);
    }
  });
});

/** Numbers that are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

describe('text in scripts', () => {
  it('arrives byte by byte, and never looks like a tag of Argo', () => {
    const random = generator(3);
    const parts = [
      '{{',
      '}}',
      '{',
      "'",
      '"',
      '$',
      '$(touch x)',
      '`',
      '\\',
      '\n',
      ' ',
      'é',
      '!',
      '*',
      'x',
      '\t',
      '#',
    ];
    const words = Array.from({ length: 60 }, () =>
      Array.from({ length: random(8) }, () => parts[random(parts.length)]).join(''),
    );
    const script = words.map((word) => `printf '%s\\0' ${quoteWord(word)}`).join('\n');

    expect(script).not.toContain('{{');
    const output = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(output.split('\0').slice(0, -1)).toEqual(words);
  });
});

interface Workflow {
  kind: string;
  metadata: { name?: string; generateName?: string; namespace: string };
  spec: {
    templates: Array<{
      name: string;
      script?: {
        source: string;
        env: Array<{ name: string; value: string }>;
        image: string;
        resources?: unknown;
        volumeMounts: unknown[];
      };
      dag?: {
        tasks: Array<{
          name: string;
          template: string;
          dependencies?: string[];
          arguments?: { parameters: Array<{ value: string }> };
        }>;
      };
    }>;
    volumes: unknown[];
  };
}

async function exported(project: string | Project, options: ExportOptions = {}) {
  const read =
    typeof project === 'string'
      ? await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, project) })
      : project;
  const result = await exportProject(read, options);
  const documents = parseAllDocuments(result.yaml).map((document) => document.toJS() as Workflow);
  return { ...result, documents, main: documents.at(-1)! };
}

const dagOf = (workflow: Workflow) =>
  workflow.spec.templates.find(({ dag }) => dag !== undefined)!.dag!.tasks;

/** A task of a graph that was never a file. */
const task = (name: string, upstream: string[]): Task => ({
  name,
  class: 'PythonCallable',
  source: 'm.f',
  products: { product: { type: 'file', path: join(pipelineFolder, 'ml-basic', name) } },
  upstream: upstream.map((one) => ({ task: one, via: 'literal' })),
  params: {},
  at: () => ({ file: 'pipeline.yaml' }),
});

async function large(tasks: Task[], options: ExportOptions = {}) {
  const base = await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, 'ml-basic') });
  const result = await exportProject({ ...base, tasks }, options);
  const documents = result.objects as unknown as Workflow[];
  return { ...result, documents, main: documents.at(-1)! };
}

describe('the workflow', () => {
  it('has the defaults of Soopervisor', async () => {
    const { main } = await exported('ml-basic');

    expect(main).toMatchObject({
      kind: 'Workflow',
      metadata: { generateName: 'ml-basic-', namespace: 'argo' },
      spec: { volumes: [{ name: 'nfs', persistentVolumeClaim: { claimName: 'nfs' } }] },
    });
    const [run] = main.spec.templates;
    expect(run?.script).toMatchObject({
      image: 'continuumio/miniconda3',
      workingDir: '/mnt/vol',
      volumeMounts: [{ name: 'nfs', mountPath: '/mnt/vol', subPath: 'ml-basic' }],
    });
    expect(run?.script?.source).toContain('environment.yml');
    expect(run?.script?.source).toMatch(/ploomber task "\$TASK" --entry-point pipeline.yaml --force\n$/);
    expect(dagOf(main).map(({ name, dependencies = [] }) => [name, dependencies])).toEqual([
      ['get', []],
      ['features', ['get']],
      ['join', ['features', 'get']],
      ['fit', ['join']],
    ]);
  });

  it('leaves what is up to date when it is not forced', async () => {
    const { main } = await exported('ml-basic', { mode: 'incremental' });

    expect(main.spec.templates[0]?.script?.source).not.toContain('--force');
  });

  it('takes the settings of soopervisor.yaml, per task too', async () => {
    const { main } = await exported('export-settings');
    const template = (name: string) => {
      const task = dagOf(main).find((one) => one.name === name)!;
      return main.spec.templates.find((one) => one.name === task.template)!;
    };

    expect(main.metadata.namespace).toBe('pipelines');
    expect(template('fit-0')).toBe(template('fit-1'));
    expect(template('get-data')).toMatchObject({ name: 'run-task', script: { image: 'my/image:1' } });
    expect(template('fit-0')).toMatchObject({
      activeDeadlineSeconds: 7200,
      retryStrategy: {
        limit: '2',
        retryPolicy: 'OnError',
        backoff: { duration: '30s', factor: '2', maxDuration: '10m' },
      },
      script: {
        image: 'my/gpu:1',
        resources: {
          requests: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '20Gi' },
          limits: { memory: '16Gi', 'ephemeral-storage': '20Gi', 'nvidia.com/gpu': '1' },
        },
        envFrom: [{ secretRef: { name: 'db' } }],
      },
    });
    expect(template('fit-0').script?.env).toContainEqual({ name: 'X', value: 'y' });
    expect(template('fit-0').script?.volumeMounts).toEqual([
      { name: 'shared', mountPath: '/mnt/vol', subPath: 'work/export-settings' },
      { name: 'cache', mountPath: '/mnt/cache' },
    ]);
  });

  it('protects text that Argo would take for tags', async () => {
    const { yaml, main } = await exported('export-settings');

    const tags = [...yaml.matchAll(/\{\{[^}]*\}\}/g)].map(([tag]) => tag);
    expect(new Set(tags)).toEqual(new Set(['{{inputs.parameters.task_name}}']));
    const { source } = main.spec.templates[0]!.script!;
    const line = source.split('\n').find((one) => one.startsWith('export TAGGED='))!;
    const value = execFileSync('bash', ['-c', `${line}\nprintf %s "$TAGGED"`], { encoding: 'utf8' });
    expect(value).toBe("{{x}} 'q' $HOME");
  });

  it('keeps odd names of tasks', async () => {
    const names = ['sepal_area', 'Sepal-Area', '2nd', 'with "quotes" and $HOME', "it's", 'a{{x}}b\n', 'é'];
    const { main } = await large(names.map((name) => task(name, [])));

    const [run] = main.spec.templates;
    const script = run!.script!.source.split('\n').find((line) => line.startsWith('case'))!;
    const got = dagOf(main).map((task) =>
      execFileSync('bash', ['-c', `${script}\nprintf %s "$TASK"`], {
        encoding: 'utf8',
        env: { ...process.env, TASK: task.arguments!.parameters[0]!.value },
      }),
    );
    expect(got).toEqual(names);
    expect(JSON.stringify(dagOf(main))).not.toContain('{{');
  });

  it('is the same as text, with a line for each of many tasks', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `task: ${index} # "é"`);
    const { yaml, objects } = await large(names.map((name, index) => task(name, names.slice(0, index % 4))));

    expect(parseAllDocuments(yaml).map((document) => document.toJS())).toEqual(objects);
    expect(yaml.split('\n').filter((line) => line.includes('"task_name"'))).toHaveLength(150);
  });

  it('is the same for readers of older YAML', async () => {
    const names = [
      'on',
      'Yes',
      'n',
      '010',
      '0o7',
      '1e3',
      '1_0',
      '2020-01-01',
      'null',
      '~',
      '.5',
      '1:30',
      '=',
      '<<',
      'a: b',
    ];
    const { yaml, objects } = await large(names.map((name) => task(name, [])));

    for (const version of ['1.1', '1.2'] as const)
      expect(parseAllDocuments(yaml, { version }).map((document) => document.toJS())).toEqual(objects);
  });

  it('is a template or runs by the clock', async () => {
    const template = await exported('ml-basic', { kind: 'WorkflowTemplate' });
    expect(template.main).toMatchObject({ kind: 'WorkflowTemplate', metadata: { name: 'ml-basic' } });

    const cron = await exported('ml-basic', { kind: 'CronWorkflow', schedule: '0 4 * * *' });
    expect(cron.main.spec).toMatchObject({ schedules: ['0 4 * * *'], workflowSpec: { entrypoint: 'dag' } });
    await expect(exported('ml-basic', { kind: 'CronWorkflow' })).rejects.toMatchObject({
      code: 'SCHEDULE_MISSING',
    });
  });

  it('is refused on a disk that one node mounts, unless tasks run one by one', async () => {
    await expect(exported('export-many', { accessMode: 'ReadWriteOnce' })).rejects.toMatchObject({
      code: 'ACCESS_MODE',
    });
    await expect(exported('ml-basic', { accessMode: 'ReadWriteOnce' })).resolves.toBeDefined();
    await expect(exported('ml-basic', { accessMode: 'ReadOnlyMany' })).rejects.toMatchObject({
      code: 'ACCESS_MODE',
    });
  });
});

describe('sizes', () => {
  it('stay under the limit with 5000 tasks in layers, all of one needing all before', async () => {
    const layers = Array.from({ length: 50 }, (_, layer) =>
      Array.from({ length: 100 }, (_, at) => `task-${layer}-${at}`),
    );
    const { bytes, documents } = await large(
      layers.flatMap((names, layer) => names.map((name) => task(name, layers[layer - 1] ?? []))),
    );

    expect(Math.max(...bytes)).toBeLessThan(1_000_000);
    expect(documents).toHaveLength(1);
    expect(documents[0]!.spec.templates.map(({ name }) => name)).toContain('join');
  });

  it('stay under the limit with a thousand tasks before one', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `part-${index}`);
    const { bytes, main } = await large([...names.map((name) => task(name, [])), task('all', names)]);

    expect(bytes).toHaveLength(1);
    expect(bytes[0]).toBeLessThan(1_000_000);
    expect(dagOf(main).at(-1)?.dependencies).toHaveLength(1000);
  });

  it('cut what is larger into parts that keep the order', async () => {
    const random = generator(11);
    const tasks = Array.from({ length: 3000 }, (_, index) =>
      task(
        `task-${index}`,
        index === 0 ? [] : [...new Set(Array.from({ length: 3 }, () => `task-${random(index)}`))],
      ),
    );
    const { bytes, documents, main } = await large(tasks, { maxBytes: 120_000 });

    expect(documents.length).toBeGreaterThan(3);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(120_000);
    const parts = documents.slice(0, -1).map((part) => new Set(dagOf(part).map(({ name }) => name)));
    expect(parts.reduce((sum, { size }) => sum + size, 0)).toBe(3000);
    const before = new Map<number, Set<number>>();
    for (const [index, run] of dagOf(main).entries()) {
      const needs = (run.dependencies ?? []).map((name) => Number(name.replace('part-', '')) - 1);
      before.set(index, new Set(needs.flatMap((one) => [one, ...before.get(one)!])));
    }
    const partOf = new Map(parts.flatMap((names, index) => [...names].map((name) => [name, index] as const)));
    for (const { name, upstream } of tasks) {
      const own = partOf.get(name)!;
      for (const { task: other } of upstream) {
        const there = partOf.get(other)!;
        const inside =
          there === own &&
          dagOf(documents[own]!)
            .find((one) => one.name === name)!
            .dependencies!.includes(other);
        expect(inside || before.get(own)!.has(there)).toBe(true);
      }
    }
  });

  it('are told where nothing helps', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `part-${index}`);
    const tasks = [...names.map((name) => task(name, [])), task('all', names)];

    await expect(large(tasks, { maxBytes: 20_000 })).rejects.toMatchObject({
      code: 'WORKFLOW_TOO_LARGE',
      exitCode: 3,
      message: expect.stringMatching(/\d{6} bytes.*20000/),
    });
  });
});
