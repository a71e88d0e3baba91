import { mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolve } from '../../../src/resolve/resolve.ts';
import { badInput } from '../../helpers/bad-input.ts';
import { program } from '../../helpers/program.ts';
import { failure, workspace } from '../../helpers/workspace.ts';

const commands = [
  (file: string) => ['config', '-f', file],
  (file: string) => ['up', '--dry-run', '-f', file],
  (file: string) => ['validate', file],
];

describe.each(Object.entries(badInput))('bad input: %s', (name, wrong) => {
  const { files, flavour = 'flavour.yaml', code, file = flavour, at, says, hint } = wrong;
  const place = (text: string) => text.replaceAll(/\S*datamill-unit-\w+/g, 'flavour-folder');

  it('is told with its place and what to do', () => {
    const folder = workspace(files);
    const cpu = process.cpuUsage();
    const error = failure(() => resolve({ flavours: [join(folder, flavour)] }));
    const { user, system } = process.cpuUsage(cpu);

    expect({ code: error.code, exit: error.exitCode, file: basename(error.at?.file ?? '') }).toEqual({
      code,
      exit: 2,
      file,
    });
    expect(error.message).toMatch(says);
    expect(place(error.hint ?? '')).toMatch(hint);
    if (at !== undefined) expect([error.at?.line, error.at?.column]).toEqual(at);
    expect((user + system) / 1e6).toBeLessThan(2);
  });

  it('ends the program with 2, one message, and nothing touched', () => {
    const folder = workspace(files);
    const home = join(workspace(), 'home');
    mkdirSync(home);
    const before = readdirSync(folder);
    const command = commands[Object.keys(badInput).indexOf(name) % commands.length]!;
    const { code: exit, stdout, stderr } = program([...command(flavour), '--output', 'json'], folder, home);
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };

    expect({ exit, code: error.code, file: basename(String(error.file)) }).toEqual({ exit: 2, code, file });
    expect(error.message).toMatch(says);
    if (at !== undefined) expect([error.line, error.column]).toEqual(at);
    expect(stdout).not.toMatch(/"type":"step"|"project"/);
    expect([readdirSync(folder), readdirSync(home)]).toEqual([before, []]);
    expect(dirname(String(error.file))).not.toBe('');
  });
});

describe('the text form of an error', () => {
  it('is one message with the line, a mark and a hint', () => {
    const folder = workspace({ 'flavour.yaml': 'project: { flavour: minio }\nminio:\n  version: 1.2\n' });
    const { code, stdout, stderr } = program(['config', '-f', 'flavour.yaml'], folder, folder);

    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
      'error[INVALID_VALUE]: flavour.yaml:3:12: minio.version: expected text, got the number 1.2',
      '    3 |   version: 1.2',
      '      |            ^^^',
      '  hint: quote it: "1.2"',
      '',
    ]);
  });

  it('tells every mistake of all components, up to twenty', () => {
    const sections = Array.from({ length: 30 }, (_, index) => `  wrong${index}: 1\n`).join('');
    const folder = workspace({
      'flavour.yaml': `project: { flavour: "dask, minio" }\ndask: { workers: x }\nminio:\n${sections}`,
    });
    const error = failure(() => resolve({ flavours: [join(folder, 'flavour.yaml')] }));

    expect([error, ...error.others]).toHaveLength(20);
    expect(new Set([error, ...error.others].map(({ code }) => code))).toEqual(
      new Set(['UNKNOWN_KEY', 'INVALID_VALUE']),
    );
  });
});

describe('input that is hostile', () => {
  const inMap = (lines: string[]) => `project: { flavour: minio }\nminio:\n  values:\n${lines.join('')}`;
  const many = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i));
  const hostile: Record<string, string> = {
    'a megabyte of quotes': `a: ${'"'.repeat(1_000_000)}`,
    'a megabyte of brackets that close nothing': '}'.repeat(1_000_000),
    'a megabyte of directives': '%x\n'.repeat(300_000),
    'a megabyte of dashes': '- '.repeat(500_000),
    'seventy thousand unknown keys': many(70_000, (index) => `k${index}: 1\n`).join(''),
    'fifty thousand values': inMap(many(50_000, (index) => `    k${index}: 1\n`)),
    'ten thousand anchors with an alias each': inMap(
      many(10_000, (index) => `    a${index}: &x${index} 1\n    b${index}: *x${index}\n`),
    ),
    'ten thousand unknown components': `project:\n  flavour:\n${'    - nobody\n'.repeat(10_000)}`,
    'a long run of dashes as a namespace': `project: { flavour: minio, k8s_namespace: "a${'-'.repeat(900_000)}Ab" }`,
    'a deep template': `project: { flavour: minio }\nminio: { values: { a: !hbs "{{eq ${'(eq '.repeat(20_000)}1${')'.repeat(20_000)}}}" } }`,
    'a key of a thousand letters': `${'k'.repeat(1000)}: 1\n`,
    'blocks in blocks': many(1300, (index) => `${' '.repeat(index)}a:\n`).join(''),
  };

  it.each(Object.entries(hostile))('is answered in time: %s', (_, text) => {
    const folder = workspace({ 'flavour.yaml': text });
    const cpu = process.cpuUsage();
    let outcome: unknown = 'resolved';
    try {
      resolve({ flavours: [join(folder, 'flavour.yaml')] });
    } catch (error) {
      outcome = error;
    }
    const { user, system } = process.cpuUsage(cpu);

    // What is not linear takes minutes.
    if (outcome !== 'resolved') expect(outcome).toMatchObject({ name: 'DatamillError', exitCode: 2 });
    expect((user + system) / 1e6).toBeLessThan(8);
  });

  it('is not read beyond the limit when the file has no size', () => {
    expect(failure(() => resolve({ flavours: ['/dev/zero'] }))).toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  it('reads a base that many extend once', () => {
    const chain = many(26, (index) => `extends: [f${index + 1}.yaml, f${index + 1}.yaml]\n`);
    const folder = workspace({
      ...Object.fromEntries(chain.map((text, index) => [`f${index}.yaml`, text])),
      'f26.yaml': 'project: { flavour: minio }\n',
    });

    expect(resolve({ flavours: [join(folder, 'f0.yaml')] }).components).toHaveLength(1);
  });
});
