import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveTools } from '../../../src/tools/index.ts';
import { cachedPath, platform } from '../../../src/tools/table.ts';
import { exec } from '../../../src/util/exec.ts';
import { kwokFile, mirrorOf, serve, sha256, type TestServer, temporaryFolder } from './helpers.ts';

let folder: string;
let before: string | undefined;
const servers: TestServer[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
});

afterEach(async () => {
  process.env.XDG_CACHE_HOME = before;
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true });
});

async function start(...args: Parameters<typeof serve>): Promise<TestServer> {
  const server = await serve(...args);
  servers.push(server);
  return server;
}

function env(mirror: string): NodeJS.ProcessEnv {
  return { PATH: join(folder, 'no-go-here'), DATAMILL_TOOLS_MIRROR: mirror };
}

const file = kwokFile();
const content = randomBytes(3 * 1024 * 1024);

describe('installing a release', () => {
  it('checks the digest, keeps the file in the cache and leaves no parts', async () => {
    const server = await start(mirrorOf('kwok', '0.8.0', file, content));
    const messages: string[] = [];
    const options = { env: env(server.url), onProgress: (message: string) => void messages.push(message) };
    const tool = (await resolveTools(['kwok'], options)).get('kwok');

    expect(tool).toEqual({
      name: 'kwok',
      path: cachedPath('kwok', '0.8.0'),
      version: '0.8.0',
      source: 'download',
    });
    expect(sha256(await readFile(tool!.path))).toBe(sha256(content));
    expect((await stat(tool!.path)).mode & 0o777).toBe(0o755);
    expect(await readdir(join(folder, 'cache/datamill/downloads'))).toEqual([]);
    expect(messages.at(-1)).toContain('3.0 of 3.0 MiB (100 %)');
    const asked = server.requests.length;
    expect((await resolveTools(['kwok'], options)).get('kwok')?.source).toBe('cache');
    expect(server.requests).toHaveLength(asked);
  });

  it('takes the one program out of an archive', async () => {
    const { os, arch } = platform();
    const archive = `helm-v4.3.1-${os}-${arch}.tar.gz`;
    await mkdir(join(folder, `${os}-${arch}`));
    await writeFile(join(folder, `${os}-${arch}`, 'helm'), 'the program');
    await writeFile(join(folder, `${os}-${arch}`, 'LICENSE'), 'more');
    await exec('tar', ['-czf', join(folder, archive), '-C', folder, `${os}-${arch}`]);
    const server = await start(mirrorOf('helm', '4.3.1', archive, await readFile(join(folder, archive))));

    const tool = (await resolveTools(['helm'], { env: env(server.url) })).get('helm');
    expect(await readFile(tool!.path, 'utf8')).toBe('the program');
    expect(await readdir(join(folder, 'cache/datamill/tools/helm/4.3.1'))).toEqual(['helm']);
  });

  it('refuses a file with another digest, names both and removes it', async () => {
    const published = sha256(content);
    const server = await start((request, response) => {
      if (request.url?.endsWith('.sha256')) response.end(published);
      else response.end('something else');
    });
    await expect(resolveTools(['kwok'], { env: env(server.url) })).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      message: expect.stringMatching(new RegExp(`${sha256('something else')}.*${published}`)),
    });
    expect(existsSync(cachedPath('kwok', '0.8.0'))).toBe(false);
    expect(await readdir(join(folder, 'cache/datamill/downloads'))).toEqual([]);
  });

  it('installs nothing for which no digest is published', async () => {
    const server = await start((request, response) => {
      if (request.url?.endsWith('.sha256')) response.writeHead(404).end();
      else response.end(content);
    });
    await expect(resolveTools(['kwok'], { env: env(server.url) })).rejects.toMatchObject({
      code: 'TOOLS_MISSING',
      message: expect.stringContaining('.sha256 answered 404'),
    });
    expect(server.requests.some((line) => line.endsWith(file))).toBe(false);
  });
});

describe('a cut download', () => {
  /** Cuts the connection after `bytes` of the first `times` transfers. */
  function cutting(bytes: number, times: number, etag?: string) {
    const whole = mirrorOf('kwok', '0.8.0', file, content, etag);
    let left = times;
    return (request: Parameters<typeof whole>[0], response: Parameters<typeof whole>[1]) => {
      if (request.url?.endsWith('.sha256') || left === 0) return whole(request, response);
      left--;
      response.writeHead(200, { etag: etag ?? '"one"', 'content-length': content.length });
      response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
    };
  }

  it('goes on where it was cut', async () => {
    const server = await start(cutting(1024 * 1024, 1));
    const tool = (await resolveTools(['kwok'], { env: env(server.url) })).get('kwok');
    expect(sha256(await readFile(tool!.path))).toBe(sha256(content));
    const ranges = server.requests.filter((line) => line.includes('bytes='));
    expect(ranges).toHaveLength(1);
    expect(Number(/bytes=(\d+)-/.exec(ranges[0]!)?.[1])).toBeGreaterThan(0);
  });

  it('goes on after an abort, in another process as well', async () => {
    const controller = new AbortController();
    const whole = mirrorOf('kwok', '0.8.0', file, content);
    let stuck = true;
    const server = await start((request, response) => {
      if (request.url?.endsWith('.sha256') || !stuck) return whole(request, response);
      response.writeHead(200, { etag: '"one"', 'content-length': content.length });
      response.write(content.subarray(0, 2_000_000), () => setTimeout(() => controller.abort(), 100));
    });
    const options = { env: env(server.url), signal: controller.signal };
    await expect(resolveTools(['kwok'], options)).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    });
    const downloads = await readdir(join(folder, 'cache/datamill/downloads'));
    expect(downloads.sort()).toEqual([`kwok-0.8.0-${file}.part`, `kwok-0.8.0-${file}.part.json`]);

    stuck = false;
    const result = await install(server.url);
    expect(result.code, result.output).toBe(0);
    expect(sha256(await readFile(cachedPath('kwok', '0.8.0')))).toBe(sha256(content));
    expect(server.requests.at(-1)).toBe(`GET /kwok/0.8.0/${file} bytes=2000000-`);
  });

  it('starts again when the file has changed meanwhile', async () => {
    await mkdir(join(folder, 'cache/datamill/downloads'), { recursive: true });
    const server = await start(mirrorOf('kwok', '0.8.0', file, content, '"two"'));
    const part = join(folder, `cache/datamill/downloads/kwok-0.8.0-${file}.part`);
    await writeFile(part, 'the beginning of another file');
    await writeFile(
      `${part}.json`,
      JSON.stringify({ url: `${server.url}/kwok/0.8.0/${file}`, etag: '"one"' }),
    );
    const tool = (await resolveTools(['kwok'], { env: env(server.url) })).get('kwok');
    expect(sha256(await readFile(tool!.path))).toBe(sha256(content));
    expect(server.requests.at(-1)).toContain('bytes=29-');
  });

  it('gives up after a few cuts and keeps what it has', async () => {
    const server = await start(cutting(1000, 99, 'W/"weak"'));
    await expect(resolveTools(['kwok'], { env: env(server.url) })).rejects.toMatchObject({
      code: 'TOOLS_MISSING',
      message: expect.stringContaining('download failed'),
    });
    // A weak tag cannot prove that the parts belong together.
    expect(server.requests.some((line) => line.includes('bytes='))).toBe(false);
  });
});

describe('a host that does not answer', () => {
  it('costs three seconds at most, once, for all tools together', async () => {
    const accepted: unknown[] = [];
    const hole = createServer((socket) => void accepted.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const { port } = hole.address() as { port: number };
    const options = { env: env(`http://127.0.0.1:${port}`) };
    const started = performance.now();
    const first = await resolveTools(['kwok', 'kwokctl', 'kubectl'], options).catch((error: Error) => error);
    const middle = performance.now();
    const connections = accepted.length;
    await expect(resolveTools(['kwok'], options)).rejects.toThrow('cannot be reached');
    const end = performance.now();
    hole.close();
    expect(first).toMatchObject({ code: 'TOOLS_MISSING', exitCode: 1 });
    expect(String(first)).toMatch(
      /kwok 0\.8\.0: .*cannot be reached \(no answer in time\); there is no Go toolchain/,
    );
    expect(String(first)).toContain('kubectl 1.35.4');
    expect((first as { hint?: string }).hint).toMatch(/Go 1\.26.*DATAMILL_KWOKCTL=.*DATAMILL_TOOLS_MIRROR/);
    expect(middle - started).toBeGreaterThan(2_500);
    expect(middle - started).toBeLessThan(4_000);
    expect(end - middle).toBeLessThan(500);
    expect(accepted).toHaveLength(connections);
  });

  it('costs nothing when its port is closed', async () => {
    const started = performance.now();
    await expect(resolveTools(['kwok'], { env: env('http://127.0.0.1:1') })).rejects.toThrow(
      'cannot be reached',
    );
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('two processes at once', () => {
  it('download once and both end with the whole file', async () => {
    const server = await start((request, response) => {
      if (request.url?.endsWith('.sha256')) return void response.end(sha256(content));
      response.writeHead(200, { etag: '"one"', 'content-length': content.length });
      const third = Math.ceil(content.length / 3);
      for (const part of [0, 1, 2]) {
        setTimeout(() => response.write(content.subarray(part * third, (part + 1) * third)), part * 300);
      }
      setTimeout(() => response.end(), 900);
    });
    const results = await Promise.all([install(server.url), install(server.url)]);
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    expect(results.map((result) => result.output.split(' ')[0]).sort()).toEqual(['cache', 'download']);
    expect(server.requests.filter((line) => line.endsWith(file))).toHaveLength(1);
    expect(sha256(await readFile(cachedPath('kwok', '0.8.0')))).toBe(sha256(content));
    expect(await readdir(join(folder, 'cache/datamill/downloads'))).toEqual([]);
  });

  it('are not stopped by a lock whose process is gone', async () => {
    const dead = await exec('sh', ['-c', 'echo $$']);
    const { hostname } = await import('node:os');
    await mkdir(join(folder, 'cache/datamill/downloads'), { recursive: true });
    const holder = { pid: Number(dead.stdout), host: hostname(), token: 'x', since: '' };
    await writeFile(join(folder, 'cache/datamill/downloads/kwok-0.8.0.lock'), JSON.stringify(holder));
    const server = await start(mirrorOf('kwok', '0.8.0', file, content));
    const started = performance.now();
    await resolveTools(['kwok'], { env: env(server.url) });
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

/** Runs resolveTools(['kwok']) in a process of its own; it prints the source. */
async function install(mirror: string): Promise<{ code: number | null; output: string }> {
  const program = join(process.cwd(), 'node_modules', `.datamill-test-${process.pid}.mjs`);
  await build({
    stdin: {
      contents: `import { resolveTools } from './src/tools/index.ts';
        const tools = await resolveTools(['kwok']);
        process.stdout.write(tools.get('kwok').source + ' ');`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  });
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...env(mirror) } });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}
