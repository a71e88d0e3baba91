import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { configError } from '../errors.ts';
import { cacheFolder, packageRoot } from '../util/paths.ts';

interface ToolRelease {
  url: string;
  checksum: string;
  /** Path inside the archive, when the release is one. */
  member?: string;
  platforms: string[];
}

export interface ToolRow {
  version: string;
  accept: string;
  version_args: string[];
  assets?: boolean;
  release: ToolRelease;
  build: { module: string; package: string };
}

export interface ToolTable {
  modules: Record<string, { ldflags: string[] }>;
  tools: Record<string, ToolRow>;
}

let table: Promise<ToolTable> | undefined;

/** k8s/toolchain/tools.yaml, read once in a process. */
export function loadTable(): Promise<ToolTable> {
  table ??= readTable();
  return table;
}

async function readTable(): Promise<ToolTable> {
  return parse(await readFile(moduleFolder('tools.yaml'), 'utf8')) as ToolTable;
}

/** @throws UNKNOWN_TOOL, exit code 2. */
export function rowOf(table: ToolTable, name: string): ToolRow {
  const row = table.tools[name];
  if (row !== undefined) return row;
  throw configError('UNKNOWN_TOOL', `There is no tool named ${JSON.stringify(name)}.`, {
    hint: `The tools are ${Object.keys(table.tools).join(', ')}.`,
  });
}

export function moduleFolder(module: string): string {
  return join(packageRoot, 'k8s', 'toolchain', module);
}

/** Where a tool lies once we installed it: the folder's name says the version. */
export function cachedPath(name: string, version: string): string {
  return cacheFolder('tools', name, version, name);
}

/** The variable that names a tool's path, such as DATAMILL_KUBE_APISERVER. */
export function settingOf(name: string): string {
  return `DATAMILL_${name.toUpperCase().replaceAll('-', '_')}`;
}

export function platform(): { os: string; arch: string } {
  return { os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch };
}
