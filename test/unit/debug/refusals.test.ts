import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../helpers/program.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'datamill-debug-'));
  await writeFile(
    join(folder, 'flavour.yaml'),
    'project: { flavour: minio, k8s_default_config: rehearsal.yaml }\n',
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...args: string[]) => program(args, folder, folder);

describe('on a rehearsal that need not even run', () => {
  it.each([
    ['logs'],
    ['logs', 'minio', '--follow'],
    ['debug', 'net'],
    ['debug', 'app', '--', 'ls'],
    ['debug', 'attach', 'minio'],
  ])('%s %s is refused, with the reason', (...args) => {
    const { code, stdout, stderr } = run(...args);
    expect(code, stderr).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/SIMULATED[\s\S]*pods of a rehearsal are simulated[\s\S]*-t CONTEXT/);
  });
});

describe('wrong words', () => {
  it.each([
    [['logs', '--since', 'yesterday'], /--since yesterday: expected a span of time/],
    [['logs', '--tail', '-3'], /--tail -3: expected a number/],
    [['logs', '--follow', '--previous'], /--previous reads what is over/],
    [['logs', 'minioo'], /no component "minioo"[\s\S]*minio/],
    [['debug', 'net', '--ttl', '0s'], /--ttl 0s: expected a span of time/],
    [['debug', 'net', 'ls'], /put -- before the command/],
    [['debug', 'attach'], /missing required argument 'pod'/],
  ])('%j are told', (args, message) => {
    const { code, stderr } = run(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('do not start what was not confirmed', () => {
    const { code, stderr } = run('debug', 'net', '--privileged');
    expect(stderr).toMatch(/root on its node[\s\S]*--yes/);
    expect(code).toBe(3);
  });
});
