import { throwIfAborted } from '../util/abort.ts';
import { find, type Tool } from './find.ts';
import { install } from './install.ts';
import { loadTable, rowOf } from './table.ts';

export type { Tool } from './find.ts';

/** A key of k8s/toolchain/tools.yaml, such as `helm`. */
export type ToolName = string;

export interface ResolveOptions {
  signal?: AbortSignal;
  /** Called with a line about what takes long. */
  onProgress?(message: string): void;
  env?: NodeJS.ProcessEnv;
}

/**
 * Where the named tools are, installing what is missing: from a setting, PATH, the cache, the
 * official release, or a build from source, in this order.
 *
 * @throws UNKNOWN_TOOL and TOOL_SETTING (exit code 2), CHECKSUM_MISMATCH, TOOLS_MISSING.
 */
export async function resolveTools(
  names: ToolName[],
  options: ResolveOptions = {},
): Promise<Map<ToolName, Tool>> {
  const table = await loadTable();
  const env = options.env ?? process.env;
  const found = await Promise.all(names.map((name) => find(name, rowOf(table, name), env)));
  const missing = names.filter((_, index) => found[index] === undefined);
  const tools = found.filter((tool) => tool !== undefined);
  if (missing.length > 0) {
    throwIfAborted(options.signal);
    const context = { env, signal: options.signal, onProgress: options.onProgress ?? (() => {}) };
    tools.push(...(await install(table, [...new Set(missing)], context)));
  }
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  return new Map(names.map((name) => [name, byName.get(name)!]));
}

/** Where a tool is; undefined when it would have to be installed. */
export async function findTool(name: ToolName, options: ResolveOptions = {}): Promise<Tool | undefined> {
  return find(name, rowOf(await loadTable(), name), options.env ?? process.env);
}

export interface ListedTool {
  name: ToolName;
  /** The version that would be installed. */
  wanted: string;
  /** The semver range that is accepted. */
  accept: string;
  found?: Tool;
}

/** All tools that datamill knows, and where they are; installs nothing. */
export async function listTools(options: ResolveOptions = {}): Promise<ListedTool[]> {
  const { tools } = await loadTable();
  return Promise.all(
    Object.entries(tools).map(async ([name, row]) => ({
      name,
      wanted: row.version,
      accept: row.accept,
      found: await find(name, row, options.env ?? process.env),
    })),
  );
}

/** The version of a tool that datamill installs, without the leading v. */
export async function wantedVersion(name: ToolName): Promise<string> {
  return rowOf(await loadTable(), name).version;
}
