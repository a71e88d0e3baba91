import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { configError } from '../errors.ts';

/** A chart is small; what unpacks to more is none. */
const MAX_UNPACKED = 256 * 1024 * 1024;
const BLOCK = 512;

/**
 * Reads name and version of a packaged chart from the Chart.yaml in it: the name of the file may
 * say anything. Format: POSIX ustar, blocks of 512 bytes.
 *
 * @throws {DatamillError} CHART_INVALID (exit 2).
 */
export function readChartArchive(path: string): { name: string; version: string; hasCrds: boolean } {
  const { text, hasCrds } = scan(path);
  const metadata = text === undefined ? undefined : (parse(text) as { name?: unknown; version?: unknown });
  if (typeof metadata?.name === 'string' && metadata.version !== undefined)
    return { name: metadata.name, version: String(metadata.version), hasCrds };
  throw configError('CHART_INVALID', `${path} is not a packaged chart: it holds no Chart.yaml`, {
    at: { file: path },
    hint: 'make one with `helm package`',
  });
}

/** The Chart.yaml of the outermost folder, and whether definitions may be in the archive. */
function scan(path: string): { text?: string; hasCrds: boolean } {
  let tar: Buffer;
  try {
    tar = gunzipSync(readFileSync(path), { maxOutputLength: MAX_UNPACKED });
  } catch {
    return { hasCrds: false };
  }
  let text: string | undefined;
  let hasCrds = false;
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const name = field(tar, at, 100);
    const size = Number.parseInt(field(tar, at + 124, 12).trim() || '0', 8);
    if (!Number.isFinite(size)) break;
    if (/^(\.\/)?[^/]+\/Chart\.yaml$/.test(name)) text = tar.toString('utf8', at + BLOCK, at + BLOCK + size);
    hasCrds ||= /\/crds\/|\.tgz$/.test(name);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return { text, hasCrds };
}

function field(tar: Buffer, at: number, length: number): string {
  const text = tar.toString('latin1', at, at + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
