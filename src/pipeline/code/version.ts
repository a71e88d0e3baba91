import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { CodeFile } from './list.ts';

/** The code of a project as it is now. */
export interface CodeVersion {
  /** Twelve digits of the digest of all names, modes and contents. */
  version: string;
  files: Array<CodeFile & { sha256: string }>;
  bytes: number;
}

/** Reads all files; the same content is the same version, wherever it was read. */
export async function codeVersion(files: readonly CodeFile[]): Promise<CodeVersion> {
  const summed = [];
  for (const file of files)
    summed.push({ ...file, sha256: file.link === undefined ? await digestOf(file.absolute) : '' });
  const lines = summed.map(({ path, executable, link, sha256 }) => [path, executable, link ?? null, sha256]);
  const version = createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 12);
  return { version, files: summed, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
