import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatamillError } from '../errors.ts';
import { throwIfAborted } from '../util/abort.ts';
import { exec } from '../util/exec.ts';
import { withLock } from '../util/lock.ts';
import { cacheFolder } from '../util/paths.ts';
import { publishedDigest } from './checksum.ts';
import { fromCache, type Tool } from './find.ts';
import { getText, reasonOf, whyUnreachable } from './http.ts';
import { freshFolder, store } from './store.ts';
import { platform, type ToolRow } from './table.ts';
import { forget, type OnBytes, sha256Of, transfer } from './transfer.ts';

export interface InstallContext {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  onProgress(message: string): void;
}

interface Source {
  url: string;
  checksum: string;
  file: string;
  member?: string;
}

/**
 * Installs a tool from its official release, or from the mirror. A reason instead of a tool
 * means that it cannot be had this way.
 *
 * @throws CHECKSUM_MISMATCH when what came is not what was published.
 */
export async function download(name: string, row: ToolRow, context: InstallContext): Promise<Tool | string> {
  const source = sourceOf(name, row, context.env);
  if (typeof source === 'string') return source;
  const silent = (await whyUnreachable(source.url)) ?? (await whyUnreachable(source.checksum));
  if (silent !== undefined) return silent;
  const lock = cacheFolder('downloads', `${name}-${row.version}.lock`);
  const onWait = () => context.onProgress(`${name} ${row.version}: another process is installing it`);
  return withLock(lock, { signal: context.signal, onWait }, async () => {
    const cached = await fromCache(name, row);
    if (cached !== undefined) return cached;
    try {
      return await fetchTool(name, row, source, context);
    } catch (error) {
      throwIfAborted(context.signal);
      if (error instanceof DatamillError) throw error;
      return `download failed: ${reasonOf(error)}`;
    }
  });
}

function sourceOf(name: string, row: ToolRow, env: NodeJS.ProcessEnv): Source | string {
  const { os, arch } = platform();
  if (!row.release.platforms.includes(`${os}/${arch}`)) return `no release for ${os}/${arch}`;
  const fill = (text: string) =>
    text.replaceAll('{version}', row.version).replaceAll('{os}', os).replaceAll('{arch}', arch);
  const official = fill(row.release.url);
  const file = basename(official);
  const member = row.release.member === undefined ? undefined : fill(row.release.member);
  const mirror = env.DATAMILL_TOOLS_MIRROR?.replace(/\/+$/, '');
  if (!mirror) return { url: official, checksum: fill(row.release.checksum), file, member };
  if (!/^https?:\/\//.test(mirror)) return 'DATAMILL_TOOLS_MIRROR is not an http or https address';
  const url = `${mirror}/${name}/${row.version}/${file}`;
  return { url, checksum: `${url}.sha256`, file, member };
}

async function fetchTool(name: string, row: ToolRow, source: Source, context: InstallContext): Promise<Tool> {
  const wanted = publishedDigest(await getText(source.checksum, context.signal), source.file);
  if (wanted === undefined)
    throw new Error(`${source.checksum} publishes no SHA-256 digest of ${source.file}`);
  const part = cacheFolder('downloads', `${name}-${row.version}-${source.file}.part`);
  const onBytes = progressOf(`${name} ${row.version}: downloading`, context.onProgress);
  await transfer(source.url, part, onBytes, context.signal);
  const digest = await sha256Of(part);
  if (digest !== wanted) {
    await forget(part);
    throw new DatamillError(
      'CHECKSUM_MISMATCH',
      `${source.url} has the SHA-256 digest ${digest}; published is ${wanted}.`,
      {
        hint: 'The file was removed. Try again; if it stays so, somebody changes what you download.',
      },
    );
  }
  const tool = await unpack(name, row, source, part);
  await forget(part);
  return tool;
}

async function unpack(name: string, row: ToolRow, source: Source, part: string): Promise<Tool> {
  const folder = await freshFolder(cacheFolder('downloads'), `.${name}-${row.version}-`);
  try {
    const file = join(folder, source.member ?? source.file);
    if (source.member === undefined) {
      await rename(part, file);
    } else {
      const result = await exec('tar', ['-xzf', part, '-C', folder, source.member]);
      if (result.exitCode !== 0) throw new Error(`tar: ${result.stderr.trim()}`);
    }
    return await store(name, row, file, 'download');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Turns byte counts into messages, at most two a second. */
function progressOf(prefix: string, onProgress: (message: string) => void): OnBytes {
  let last = 0;
  return (done, total) => {
    if (performance.now() - last < 500 && done !== total) return;
    last = performance.now();
    const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    const of =
      total === undefined ? '' : ` of ${mebibytes(total)} MiB (${Math.floor((done / total) * 100)} %)`;
    onProgress(`${prefix} ${mebibytes(done)}${of === '' ? ' MiB' : of}`);
  };
}
