import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { state } from '../../testbed/layout.ts';
import { allProcesses, isRunning, startDaemon, stopDaemon } from '../../testbed/processes.ts';

let folder: string;
const pidOf = async (name: string): Promise<number> =>
  JSON.parse(await readFile(state('run', `${name}.pid`), 'utf8')).pid;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'datamill-processes-'));
  vi.stubEnv('XDG_STATE_HOME', folder);
});

afterEach(async () => {
  await stopDaemon('sleeper');
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe.runIf(process.platform === 'linux')('daemons of the testbed', () => {
  it('start once, start anew with other words, and end', async () => {
    await startDaemon('sleeper', 'sleep', ['600']);
    const first = await pidOf('sleeper');
    await startDaemon('sleeper', 'sleep', ['600']);
    expect(await pidOf('sleeper')).toBe(first);
    await startDaemon('sleeper', 'sleep', ['601']);
    expect(await pidOf('sleeper')).not.toBe(first);
    expect(allProcesses()).toEqual([await pidOf('sleeper')]);
    await stopDaemon('sleeper');
    expect([await isRunning('sleeper'), allProcesses()]).toEqual([false, []]);
  });

  it('are found without a pid file, with what they started', async () => {
    await startDaemon('sleeper', 'sh', ['-c', 'sleep 600 & wait']);
    await vi.waitFor(() => expect(allProcesses()).toHaveLength(2));
    await rm(state('run', 'sleeper.pid'));
    expect(allProcesses()).toHaveLength(2);
    for (const pid of allProcesses()) process.kill(pid, 'SIGKILL');
  });

  it('are never confused with another process that was given the pid', async () => {
    await startDaemon('sleeper', 'sleep', ['600']);
    const written = JSON.parse(await readFile(state('run', 'sleeper.pid'), 'utf8'));
    await stopDaemon('sleeper');
    const other = spawn('sleep', ['600']);
    try {
      await writeFile(state('run', 'sleeper.pid'), JSON.stringify({ ...written, pid: other.pid }));
      expect(await isRunning('sleeper')).toBe(false);
      await stopDaemon('sleeper');
      expect(other.exitCode ?? other.signalCode).toBeNull();
      expect(() => process.kill(other.pid!, 0)).not.toThrow();
    } finally {
      other.kill('SIGKILL');
    }
  });
});
