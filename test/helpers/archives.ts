import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface TarEntry {
  name: string;
  body?: string | Buffer;
  type?: 'file' | 'symlink' | 'link' | 'character-device' | 'fifo';
  linkname?: string;
  mode?: number;
}

/** An archive with these entries, whatever they would do. */
export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  const whole = buffer(archive as unknown as Readable);
  for (const { body, ...header } of entries) archive.entry(header, Buffer.from(body ?? ''));
  archive.finalize();
  return await whole;
}

export async function gzipOf(bytes: Buffer): Promise<Buffer> {
  return gzipSync(bytes);
}

export async function bzip2Of(bytes: Buffer): Promise<Buffer> {
  const child = spawn('bzip2', ['-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(bytes);
  return await buffer(child.stdout);
}
