import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveTools } from '../../../src/tools/index.ts';
import { cachedPath, moduleFolder } from '../../../src/tools/table.ts';
import { pause } from '../../../src/util/abort.ts';
import { isAlive } from '../../../src/util/lock.ts';
import { script, temporaryFolder } from './helpers.ts';

let folder: string;
let before: string | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
  before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
});

afterEach(async () => {
  process.env.XDG_CACHE_HOME = before;
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  await rm(folder, { recursive: true });
});

/** A `go` that records its arguments, folder and environment, and writes the programs asked for. */
async function fakeGo(body: string): Promise<NodeJS.ProcessEnv> {
  await script(
    join(folder, 'bin/go'),
    `printf '%s\\n' "$@" --pwd "$PWD" --cgo "$CGO_ENABLED" --end >> ${folder}/argv\n${body}`,
  );
  return { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, DATAMILL_TOOLS_MIRROR: 'http://127.0.0.1:1' };
}

const writesPrograms = `
echo golang.org/x/text >&2
for a in "$@"; do
  case "$previous" in -o) out="$a";; esac
  previous="$a"
  case "$a" in
    */v3) echo etcd > "$out/server";;
    */cmd/*) echo "$a" > "$out/$(basename "$a")";;
  esac
done`;

async function runs(): Promise<string[][]> {
  const text = await readFile(join(folder, 'argv'), 'utf8');
  return text
    .split('--end\n')
    .slice(0, -1)
    .map((run) => run.trim().split('\n'));
}

describe('building from source', () => {
  it('builds the tools of a module in one go, reading the packaged module only', async () => {
    const env = await fakeGo(writesPrograms);
    const messages: string[] = [];
    const names = ['kube-apiserver', 'etcd', 'kwok'];
    const tools = await resolveTools(names, { env, onProgress: (message) => void messages.push(message) });

    expect([...tools.values()].map((tool) => tool.source)).toEqual(['build', 'build', 'build']);
    expect(await readFile(tools.get('etcd')!.path, 'utf8')).toBe('etcd\n');
    const all = await runs();
    expect(all).toHaveLength(2);
    const run = all.find((argv) => argv.includes('go.etcd.io/etcd/server/v3'))!;
    expect(run).toContain('k8s.io/kubernetes/cmd/kube-apiserver');
    expect(run).toEqual(expect.arrayContaining(['build', '-trimpath', '-mod=readonly']));
    expect(run[run.indexOf('-ldflags') + 1]).toContain('version.gitVersion=v1.35.4');
    expect(run[run.indexOf('--pwd') + 1]).toBe(moduleFolder('kubernetes'));
    expect(run[run.indexOf('--cgo') + 1]).toBe('0');
    expect(messages[0]).toMatch(/^building kube-apiserver, etcd from source|^building kwok from source/);
    expect(await readdir(join(folder, 'cache/datamill/build'))).toEqual([]);
  });

  it('says what the compiler said', async () => {
    const env = await fakeGo('echo golang.org/x/text >&2; echo "main.go:3:1: undefined: thing" >&2; exit 1');
    await expect(resolveTools(['kwok'], { env })).rejects.toMatchObject({
      code: 'TOOLS_MISSING',
      message: expect.stringContaining('go build failed: main.go:3:1: undefined: thing'),
    });
    expect(existsSync(cachedPath('kwok', '0.8.0'))).toBe(false);
  });

  it('reports progress while it lasts', async () => {
    const env = await fakeGo(`echo a/b >&2; echo c/d >&2; sleep 3.5; ${writesPrograms}`);
    const messages: string[] = [];
    await resolveTools(['kwok'], { env, onProgress: (message) => void messages.push(message) });
    expect(messages).toContainEqual(expect.stringMatching(/2 packages compiled, 3 s/));
  });

  it('stops the compiler and its children when aborted, and releases the lock', async () => {
    const env = await fakeGo(`sleep 60 & echo $! > ${folder}/child; echo ready >> ${folder}/ready; wait`);
    const controller = new AbortController();
    const pending = resolveTools(['kwok'], { env, signal: controller.signal });
    while (!existsSync(join(folder, 'ready'))) await pause(20);
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const child = Number(await readFile(join(folder, 'child'), 'utf8'));
    await pause(200);
    expect(isAlive(child)).toBe(false);
    expect(await readdir(join(folder, 'cache/datamill/build'))).toEqual([]);
  });

  it('removes what a killed build left', async () => {
    const env = await fakeGo(writesPrograms);
    await script(join(folder, 'cache/datamill/build/clients-99-x/kwok'), '');
    await writeFile(join(folder, 'cache/datamill/build/other'), '');
    await resolveTools(['kwok'], { env });
    expect(await readdir(join(folder, 'cache/datamill/build'))).toEqual(['other']);
  });
});
