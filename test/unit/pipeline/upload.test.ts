import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archive } from '../../../src/actions/pipeline/archive.ts';
import {
  type CodeVersion,
  codeFiles,
  codeVersion,
  LOOK,
  MISMATCH,
  type Project,
  readProject,
  STORE,
} from '../../../src/pipeline/index.ts';

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datamill-upload-'));
  disk = join(folder, 'disk');
  mkdirSync(disk);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Record<string, string>): string {
  const root = join(folder, 'project');
  for (const [name, text] of Object.entries(files)) {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return root;
}

const BASE = {
  'pipeline.yaml': 'tasks:\n  - {source: tasks.get, product: output/get.csv}\n',
  'tasks.py': 'def get(product):\n    pass\n',
  'environment.yml': 'name: x\n',
};

async function read(root: string): Promise<Project> {
  return await readProject({ entry: 'pipeline.yaml', cwd: root });
}

const needed = ['pipeline.yaml', 'tasks.py', 'environment.yml'];
const pathsOf = async (root: string, rules = {}) =>
  (await codeFiles(await read(root), rules, needed)).files.map(({ path }) => path);

function git(root: string, ...args: string[]): void {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.org'];
  execFileSync('git', [...who, ...args], { cwd: root, stdio: 'ignore' });
}

describe('the code of a project', () => {
  it('is what git tracks, with and without rules, but for products', async () => {
    const root = write({
      ...BASE,
      'data/raw.csv': 'x',
      'notes.md': 'x',
      'output/get.csv': '1',
      'output/.get.csv.metadata': '{}',
      untracked: 'x',
    });
    git(root, 'init');
    git(root, 'add', ...needed, 'notes.md', 'output');

    expect(await pathsOf(root)).toEqual(['environment.yml', 'notes.md', 'pipeline.yaml', 'tasks.py']);
    expect(await pathsOf(root, { include: ['data'], exclude: ['*.md'] })).toEqual([
      'data/raw.csv',
      'environment.yml',
      'pipeline.yaml',
      'tasks.py',
    ]);
  });

  it('lacks what git does not track, which is an error where the pipeline needs it', async () => {
    const root = write(BASE);
    git(root, 'init');
    git(root, 'add', 'pipeline.yaml', 'environment.yml');

    await expect(pathsOf(root)).rejects.toMatchObject({
      code: 'SOURCE_UNTRACKED',
      message: expect.stringContaining('tasks.py'),
    });
  });

  it('is everything where there is no git, without what others make', async () => {
    const root = write({ ...BASE, '__pycache__/x.pyc': '', 'sub/.ipynb_checkpoints/x': '', 'sub/a.txt': '' });

    expect(await pathsOf(root)).toEqual(['environment.yml', 'pipeline.yaml', 'sub/a.txt', 'tasks.py']);
  });

  it('holds no link that leads out, and no name that breaks lists', async () => {
    const root = write({ ...BASE, 'a\nb': '' });
    symlinkSync('../secret', join(root, 'link'));

    const error = await pathsOf(root).catch((thrown) => thrown);
    expect([error, ...error.others].map(({ code }) => code)).toEqual(['CODE_PATH', 'CODE_PATH']);
  });

  it('has another version with another content, name or mode, and the same one elsewhere', async () => {
    const root = write(BASE);
    const of = async () => (await codeVersion((await codeFiles(await read(root), {}, needed)).files)).version;
    const first = await of();
    chmodSync(join(root, 'tasks.py'), 0o755);
    const second = await of();
    writeFileSync(join(root, 'tasks.py'), `${BASE['tasks.py']}#`);

    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(new Set([first, second, await of()]).size).toBe(3);
  });
});

/** Runs a script of an upload here, as the pod does it there. */
async function run(
  script: string,
  args: string[],
  input: NodeJS.ReadableStream | string,
): Promise<{ code: number; out: string }> {
  const child = spawn('sh', ['-c', script, 'sh', disk, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code!)));
  await pipeline(typeof input === 'string' ? [input] : input, child.stdin).catch(() => undefined);
  return { code: await ended, out };
}

async function uploaded(root: string, { keep = '0', used = [] as string[], lie = false } = {}) {
  const code = await codeVersion((await codeFiles(await read(root), {}, needed)).files);
  const look = await run(LOOK, [code.version], code.files.map(({ path }) => `${path}\n`).join(''));
  const [first, ...lines] = look.out.split('\n');
  const there = new Set(
    lines
      .filter((line) => code.files.some(({ path, sha256 }) => line === `${sha256}  ${path}`))
      .map((line) => line.slice(66)),
  );
  const send = new Set(code.files.filter(({ path }) => !there.has(path)).map(({ path }) => path));
  const told: CodeVersion = lie
    ? { ...code, files: code.files.map((file) => ({ ...file, sha256: '0'.repeat(64) })) }
    : code;
  const { stream, done } = archive(told, send, () => undefined);
  const stored = await run(STORE, [code.version, first!.replace('base ', ''), keep, ...used], stream);
  await done;
  return { ...code, ...stored, sent: [...send], folder: join(disk, '.datamill/versions', code.version) };
}

describe('an upload', () => {
  it('makes a folder of the version, and sends only what is new', async () => {
    const root = write({ ...BASE, 'odd name \'"$x é': 'odd', 'run.sh': 'true', empty: '' });
    chmodSync(join(root, 'run.sh'), 0o755);
    symlinkSync('tasks.py', join(root, 'link'));
    const first = await uploaded(root);

    expect(first.code, first.out).toBe(0);
    expect(readFileSync(join(first.folder, 'odd name \'"$x é'), 'utf8')).toBe('odd');
    expect(readlinkSync(join(first.folder, 'link'))).toBe('tasks.py');
    execFileSync(join(first.folder, 'run.sh'));
    expect((await uploaded(root)).sent).toEqual(['link']);

    writeFileSync(join(root, 'tasks.py'), 'def get(product):\n    return 1\n');
    rmSync(join(root, 'empty'));
    mkdirSync(join(first.folder, 'output'));
    writeFileSync(join(first.folder, 'output/get.csv'), '1');
    const second = await uploaded(root);

    expect(second).toMatchObject({ code: 0, sent: ['link', 'tasks.py'] });
    expect(existsSync(join(second.folder, 'empty'))).toBe(false);
    // What tasks have made is there in the new version, and stays in the old one.
    expect(readFileSync(join(second.folder, 'output/get.csv'), 'utf8')).toBe('1');
    expect(existsSync(join(first.folder, 'output/get.csv'))).toBe(true);
    expect(readFileSync(join(first.folder, 'tasks.py'), 'utf8')).toBe(BASE['tasks.py']);
    expect(readlinkSync(join(disk, '.datamill/latest'))).toBe(`versions/${second.version}`);
  });

  it('mends what was changed on the disk', async () => {
    const root = write(BASE);
    const { folder: there } = await uploaded(root);
    writeFileSync(join(there, 'tasks.py'), 'changed');

    expect((await uploaded(root)).sent).toEqual(['tasks.py']);
    expect(readFileSync(join(there, 'tasks.py'), 'utf8')).toBe(BASE['tasks.py']);
  });

  it('that does not arrive as it was sent leaves nothing', async () => {
    const root = write(BASE);
    const { code, folder: there } = await uploaded(root, { lie: true });

    expect(code).toBe(MISMATCH);
    expect(existsSync(there)).toBe(false);
    expect(existsSync(join(disk, '.datamill/latest'))).toBe(false);
  });

  it('removes old versions when it is asked to, but none that is in use', async () => {
    const root = write(BASE);
    const versions: string[] = [];
    for (const text of ['1', '2', '3', '4']) {
      writeFileSync(join(root, 'tasks.py'), `def get(product):\n    return ${text}\n`);
      const last = text === '4';
      const { version, out } = await uploaded(root, last ? { keep: '1', used: [versions[1]!] } : {});
      versions.push(version);
      if (last)
        expect(out.trim().split('\n').sort()).toEqual(
          [`removed ${versions[0]}`, `removed ${versions[2]}`].sort(),
        );
    }

    const there = versions.map((version) => existsSync(join(disk, '.datamill/versions', version)));
    expect(there).toEqual([false, true, false, true]);
  });
});
