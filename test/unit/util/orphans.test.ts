import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { endOrphans, RUN_VARIABLE } from '../../../src/util/orphans.ts';

async function child(run: string, onTerm = 'process.exit(0)'): Promise<ChildProcess> {
  const script = `process.on("SIGTERM", () => { ${onTerm} }); setInterval(() => {}, 1e6); console.log("up")`;
  const started = spawn(process.execPath, ['-e', script], { env: { ...process.env, [RUN_VARIABLE]: run } });
  await once(started.stdout, 'data');
  return started;
}

/** The state of a process; empty when there is none. */
function statusOf(pid: number): string {
  try {
    return /^State:\s*(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

const run = `me@here/${process.pid}`;

describe.runIf(process.platform === 'linux')('endOrphans', () => {
  it('ends the processes of that run, waits for them, and leaves all others', async () => {
    const slow = await child(run, 'setTimeout(() => process.exit(0), 300)');
    const quick = await child(run);
    const other = await child(`${run}1`);
    expect(await endOrphans(run)).toBe(2);
    for (const { pid } of [slow, quick]) expect(statusOf(pid!)).toMatch(/^(Z|)$/);
    expect(() => process.kill(other.pid!, 0)).not.toThrow();
    expect(await endOrphans(run)).toBe(0);
    other.kill('SIGKILL');
  });

  it('kills what does not listen', async () => {
    const deaf = await child(run, '');
    const exit = once(deaf, 'exit');
    expect(await endOrphans(run, 300)).toBe(1);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await endOrphans('nobody@nowhere/1')).toBe(0);
  });
});
