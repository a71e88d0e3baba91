import { DatamillError } from '../errors.ts';
import { findTool, type ListedTool, listTools, resolveTools } from '../tools/index.ts';

export interface ToolsListOptions {
  output?: 'text' | 'json';
}

/** `datamill tools list`: every tool, the version that is wanted, and what was found where. */
export async function toolsList(options: ToolsListOptions = {}): Promise<void> {
  const tools = await listTools();
  if (options.output === 'json') {
    const documents = tools.map((tool) => ({
      name: tool.name,
      wanted: tool.wanted,
      found: tool.found?.version ?? null,
      source: tool.found?.source ?? null,
      path: tool.found?.path ?? null,
    }));
    process.stdout.write(`${JSON.stringify({ schema: 1, tools: documents })}\n`);
    return;
  }
  process.stdout.write(columns([['NAME', 'WANTED', 'FOUND', 'SOURCE', 'PATH'], ...tools.map(rowOf)]));
}

function rowOf({ name, wanted, found }: ListedTool): string[] {
  return [name, wanted, found?.version ?? '-', found?.source ?? '-', found?.path ?? '-'];
}

function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

export interface ToolsInstallOptions {
  signal?: AbortSignal;
  /** Where progress goes; standard error when not given. */
  onProgress?(message: string): void;
}

/** `datamill tools install [NAME...]`: installs what is missing, of all tools when none is named. */
export async function toolsInstall(names: string[], options: ToolsInstallOptions = {}): Promise<void> {
  const wanted = names.length > 0 ? names : (await listTools()).map((tool) => tool.name);
  const onProgress = options.onProgress ?? ((message: string) => process.stderr.write(`${message}\n`));
  const tools = await resolveTools(wanted, { signal: options.signal, onProgress });
  const rows = [...tools.values()].map((tool) => [tool.name, tool.version, tool.source, tool.path]);
  process.stdout.write(columns([['NAME', 'VERSION', 'SOURCE', 'PATH'], ...rows]));
}

/** `datamill tools path NAME`: prints where a tool is, and nothing else. */
export async function toolsPath(name: string): Promise<void> {
  const tool = await findTool(name);
  if (tool === undefined) {
    throw new DatamillError('TOOL_NOT_FOUND', `${name} is not installed.`, {
      hint: `Install it with: datamill tools install ${name}`,
    });
  }
  process.stdout.write(`${tool.path}\n`);
}
