import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exec } from '../../../src/util/exec.ts';
import { program } from '../../helpers/program.ts';
import { fileRequest, filesOf, startRunner } from '../../helpers/runner.ts';
import { workspace } from '../../helpers/workspace.ts';

const MAIN = `
import os, sys
print('{"experiment": {"loss": 0.5, "name": "first"}}')
print('AWS_SECRET_ACCESS_KEY=abcdefghij')
print('[{"op": "replace", "path": "/experiment/loss", "value": 0.25}]', flush=True)
open('../retval/answer', 'w').write(' '.join(sys.argv[1:]))
`;

it('runs an experiment from a queue of files to its results', { timeout: 120_000 }, async () => {
  const folder = workspace({ 'ws/main.py': MAIN });
  const store = join(folder, 'store');
  const request = fileRequest(store, 'exp1', { args: ["'two words'", '3'] });
  request.experiment.artifacts.workspace!.local = 'ws';
  writeFileSync(join(folder, 'request.json'), JSON.stringify(request));
  const queues = ['--queue-root', join(folder, 'queues')];

  const submitted = program(
    ['runner', 'submit', 'request.json', '--queue', 'local_a', ...queues],
    folder,
    folder,
  );
  expect(submitted, submitted.stderr).toMatchObject({ code: 0 });
  const runner = startRunner([
    ...queues,
    ...[
      '--working-dir',
      join(folder, 'work'),
      '--file-root',
      store,
      '--limit-tasks',
      '1',
      '--host-name',
      'test-host',
    ],
  ]);
  expect(await runner.ended, JSON.stringify(runner.events, null, 1) + runner.stderr()).toBe(0);

  const results = JSON.parse(readFileSync(join(store, 'experiments/exp1/_results/_results.json'), 'utf8'));
  expect(results).toMatchObject({
    exit_msg: 'ok',
    experiment_id: 'exp1',
    host: 'test-host',
    artifacts: { output: { name: 'output' }, retval: { name: 'retval' } },
  });
  const { stdout } = await exec('tar', ['xOf', join(store, 'experiments/exp1/retval.tar'), 'answer']);
  expect(stdout).toBe('two words 3');
  const [scrape] = Object.entries(filesOf(join(store, 'metadata'), 'scrape-host-test-host-'));
  expect(JSON.parse(scrape![1])).toMatchObject({
    experiment: { loss: 0.25, name: 'first' },
    studioml: { status: 'completed', experiment: { key: 'exp1', project: 'tests' } },
    runner: { host: 'test-host' },
  });
  const [output] = Object.values(filesOf(join(store, 'metadata'), 'output-host-'));
  expect(output).toContain('AWS_SECRET_ACCESS_KEY=***');
  const listed = (where: string) => {
    const args = [
      'runner',
      'experiments',
      '--store',
      `file://${store}`,
      '--where',
      where,
      '--output',
      'json',
    ];
    return JSON.parse(program(args, folder, folder).stdout).experiments;
  };
  expect(listed('loss=0.25')).toMatchObject([
    { key: 'exp1', project: 'tests', status: 'completed', attempt: 1 },
  ]);
  expect(listed('loss=0.5')).toEqual([]);
  expect(Object.keys(filesOf(join(folder, 'queues/local_a')))).toEqual([]);
  expect(existsSync(join(folder, 'queues/local_a'))).toBe(true);
});
