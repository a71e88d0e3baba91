import { describe, expect, it } from 'vitest';
import { exec } from '../../../src/util/exec.ts';

const node = (script: string, options: Parameters<typeof exec>[2] = {}) =>
  exec(process.execPath, ['-e', script], options);

/** Aborts as soon as the child has said that it is there. */
async function stopped(script: string, killAfter?: number) {
  const controller = new AbortController();
  const began = performance.now();
  const result = await node(`${script}; console.error("ready")`, {
    signal: controller.signal,
    killAfter,
    onStderrLine: (line) => void (line === 'ready' && controller.abort()),
  });
  return { ...result, seconds: (performance.now() - began) / 1000 };
}

describe('exec', () => {
  it('gives exit code and output, whatever the code', async () => {
    expect(await node('console.log("out"); console.error("err"); process.exitCode = 3')).toMatchObject({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      canceled: false,
      signal: undefined,
    });
  });

  it('writes the input and closes it', async () => {
    expect((await node('process.stdin.pipe(process.stdout)', { input: 'a\0b' })).stdout).toBe('a\0b');
    expect((await node('process.stdin.pipe(process.stdout)')).stdout).toBe('');
  });

  it('adds and takes away variables', async () => {
    process.env.DM_TEST_GONE = 'there';
    const script =
      'console.log(process.env.DM_TEST_GONE, process.env.DM_TEST_NEW, process.env.PATH !== undefined)';
    const { stdout } = await node(script, { env: { DM_TEST_GONE: undefined, DM_TEST_NEW: 'new' } });
    delete process.env.DM_TEST_GONE;
    expect(stdout).toBe('undefined new true\n');
  });

  it('gives a process group of its own, so that a Ctrl-C does not reach it', async () => {
    const script = `const stat = require("fs").readFileSync("/proc/self/stat", "utf8");
      console.log(process.pid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2])`;
    const [pid, group] = (await node(script)).stdout.trim().split(' ');
    expect(group).toBe(pid);
  });

  it('tells it to end and waits until it has', async () => {
    const tidy =
      'setInterval(() => {}, 1e6); process.on("SIGTERM", () => setTimeout(() => { console.log("tidied"); process.exit(1) }, 200))';
    expect(await stopped(tidy)).toMatchObject({ exitCode: 1, stdout: 'tidied\n', canceled: true });
  });

  it('kills what does not end in time', async () => {
    const deaf = 'setInterval(() => {}, 1e6); process.on("SIGTERM", () => {})';
    const result = await stopped(deaf, 300);
    expect(result).toMatchObject({ exitCode: 1, canceled: true, signal: 'SIGKILL' });
    expect(result.seconds).toBeLessThan(10);
  });

  it('does not start when it is aborted already', async () => {
    const { canceled, stdout } = await node('console.log("ran")', { signal: AbortSignal.abort() });
    expect({ canceled, stdout }).toEqual({ canceled: true, stdout: '' });
  });

  it('says which signal ended it', async () => {
    expect(await node('process.kill(process.pid, "SIGKILL")')).toMatchObject({
      exitCode: 1,
      canceled: false,
      signal: 'SIGKILL',
    });
  });

  it('throws when there is no such program', async () => {
    await expect(exec('/no/such/program', [])).rejects.toThrow('ENOENT');
  });
});
