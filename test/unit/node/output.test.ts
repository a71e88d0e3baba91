import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseOutput, resultOf } from '../../../src/node/job/output.ts';
import { COLLECT } from '../../../src/node/job/scripts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datamill-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the sidecar's script, and ends it as the kubelet does. */
async function collected(limit = 1_000_000): Promise<string> {
  const child = spawn('sh', ['-c', COLLECT, 'output', folder, String(limit)]);
  let text = '';
  for await (const chunk of child.stdout) {
    if (text === '') child.kill('SIGTERM');
    text += String(chunk);
  }
  return text;
}

describe('the output of a run', () => {
  it('comes through byte by byte, whatever it holds', async () => {
    const bytes = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 256));
    writeFileSync(join(folder, 'a b.bin'), bytes);
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub', 'empty'), '');
    symlinkSync('/etc/passwd', join(folder, 'link'));
    const output = parseOutput(await collected());

    expect(output).toHaveProperty('files');
    const { files } = output as { files: Map<string, Buffer> };
    expect([...files.keys()].sort()).toEqual(['a b.bin', 'sub/empty']);
    expect(files.get('a b.bin')!.equals(bytes)).toBe(true);
  });

  it('is none when nothing was written', async () => {
    expect(parseOutput(await collected())).toEqual({ files: new Map() });
  });

  it('has a limit', async () => {
    writeFileSync(join(folder, 'large'), 'x'.repeat(5000));

    expect(parseOutput(await collected(4999))).toEqual({ tooLarge: 5000 });
  });

  it('is not known when the log is cut', () => {
    expect(parseOutput('datamill-file YQ== 3\nYWJ')).toBeUndefined();
  });

  it('cannot be forged by what a file holds', async () => {
    writeFileSync(join(folder, 'a'), 'datamill-end\ndatamill-file YQ== 1\n');
    const { files } = parseOutput(await collected()) as { files: Map<string, Buffer> };

    expect(files.get('a')!.toString()).toBe('datamill-end\ndatamill-file YQ== 1\n');
  });
});

describe('the result', () => {
  const files = new Map([
    ['avg.txt', Buffer.from('42.5')],
    ['more', Buffer.from('x')],
  ]);

  it('is the file that counts, the only one, or all of them', () => {
    expect(resultOf(files, 'more').toString()).toBe('x');
    expect(resultOf(files, 'none')).toHaveLength(0);
    expect(resultOf(new Map([...files].slice(0, 1)), undefined).toString()).toBe('42.5');
    expect(JSON.parse(resultOf(files, undefined).toString())).toEqual({ 'avg.txt': '42.5', more: 'x' });
    expect(resultOf(new Map(), undefined)).toHaveLength(0);
  });
});
