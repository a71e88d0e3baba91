import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';
import { component, expectConverges, leaseOf, newestRevisions } from '../helpers/chaos.ts';
import { clusterFlags, helmPath } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { it, type Project } from '../helpers/project.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

interface Helm {
  helm: string;
  /** File with the signals that it got. */
  signals: string;
  /** File that it makes when it has begun to wait. */
  started: string;
}

/** A helm that notes the signals it gets, and passes them on to the real one. */
async function listeningHelm(project: Project): Promise<Helm> {
  const signals = join(project.folder, 'signals');
  const started = join(project.folder, 'started');
  const script = `#!${process.execPath}
const { spawn } = require('node:child_process');
const { appendFileSync, writeFileSync } = require('node:fs');
const child = spawn(${JSON.stringify(await helmPath())}, process.argv.slice(2), { stdio: 'inherit', detached: true });
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(name, () => {
    appendFileSync(${JSON.stringify(signals)}, name + '\\n');
    child.kill('SIGTERM');
  });
if (process.argv[2] === 'upgrade') setTimeout(() => writeFileSync(${JSON.stringify(started)}, ''), 1500);
child.on('exit', (code) => process.exit(code ?? 1));
`;
  const helm = await project.write('helm.cjs', script);
  await chmod(helm, 0o755);
  return { helm, signals, started };
}

async function inTerminal(project: Project, action: 'interrupt' | 'close', { helm, started }: Helm) {
  const { cli } = inject('rehearsal');
  const args = [
    join(packageRoot, 'test/helpers/terminal.py'),
    action,
    started,
    process.execPath,
    join(cli, 'cli.js'),
    ...['up', '-f', 'flavour.yaml', ...clusterFlags()],
  ];
  const env = { ...process.env, CI: undefined, TERM: 'xterm', DATAMILL_HELM: helm };
  const child = spawn('python3', args, { cwd: project.folder, env });
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, screen };
}

describe.runIf(hasPython)('a terminal', () => {
  it.concurrent('hears Ctrl-C, which reaches helm once', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ a: component({ slow: 60 }) });
    const helm = await listeningHelm(project);
    const { code, screen } = await inTerminal(project, 'interrupt', helm);
    expect(code, screen).toBe(130);
    expect(screen).toContain('nothing more is started');
    expect((await readFile(helm.signals, 'utf8')).trim()).toBe('SIGTERM');
    expect((await newestRevisions(namespace)).get('a')!.status).toBe('failed');
    expect(await leaseOf(namespace)).toBeUndefined();
  });

  it.concurrent('may be closed', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ a: component({ slow: 60 }) });
    const helm = await listeningHelm(project);
    const { code, screen } = await inTerminal(project, 'close', helm);
    // Ended by SIGHUP, which nobody is left to see.
    expect(code, screen).toBe(255);
    expect((await readFile(helm.signals, 'utf8')).trim()).toBe('SIGTERM');
    expect((await newestRevisions(namespace)).get('a')!.status).toBe('failed');
    expect(await leaseOf(namespace)).toBeUndefined();
    await project.flavour({ a: component({ slow: 0 }) });
    await expectConverges(project, ['a']);
  });
});

describe('a pipe', () => {
  it.concurrent('whose reader goes away ends the run in good order', async ({ project, expect }) => {
    const { namespace } = project;
    await project.flavour({ a: component({ slow: 60 }) });
    const { cli } = inject('rehearsal');
    const args = [join(cli, 'cli.js'), 'up', '-f', 'flavour.yaml', ...clusterFlags(), '--output', 'json'];
    const child = spawn(process.execPath, args, { cwd: project.folder, stdio: ['ignore', 'pipe', 'ignore'] });
    await eventually(async () => expect((await newestRevisions(namespace)).has('a')).toBe(true));
    child.stdout.destroy();
    // The next word, on what helm waits for, finds nobody.
    expect((await once(child, 'close'))[0]).toBe(130);
    expect((await newestRevisions(namespace)).get('a')!.status).toBe('failed');
    expect(await leaseOf(namespace)).toBeUndefined();
  });
});
