import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';

export interface ProgramResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the bundled program in a folder, with a home folder in which it could leave traces. */
export function program(args: readonly string[], cwd: string, home: string): ProgramResult {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(inject('program'), 'cli.js'), ...args],
    {
      cwd,
      encoding: 'utf8',
      env: { PATH: '/nowhere', HOME: home, CI: 'true' },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  );
  return { code: status, stdout, stderr };
}
