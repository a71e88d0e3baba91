import { copyFile, chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ExecResult } from '../../util/exec.ts';
import { runGroup } from '../../util/group.ts';
import type { Place, RunOptions, Step } from './place.ts';

/** This machine. */
export const localPlace: Place = { run, upload };

async function run(step: Step, { signal, onLine }: RunOptions = {}): Promise<ExecResult> {
  const [file, ...args] = step.command as [string, ...string[]];
  try {
    // sudo asks at the terminal, which programs of a session of their own have not.
    const detached = file !== 'sudo';
    return await runGroup(file, args, { env: step.env, input: step.input, signal, onLine, detached });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EACCES') throw error;
    return { exitCode: 127, stdout: '', stderr: `${file}: not found`, canceled: false };
  }
}

async function upload(from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, mode);
}
