import { DatamillError } from '../errors.ts';
import { findTool, type ListedTool, listTools, resolveTools } from '../tools/index.ts';
import type { CommandIO } from './runtime.ts';

interface ToolsOptions {
  io: CommandIO;
}

/** `datamill tools list`: every tool, the version that is wanted, and what was found where. */
export async function toolsList({ io }: ToolsOptions): Promise<number> {
  const tools = await listTools();
  const documents = tools.map((tool) => ({
    name: tool.name,
    wanted: tool.wanted,
    found: tool.found?.version ?? null,
    source: tool.found?.source ?? null,
    path: tool.found?.path ?? null,
  }));
  await io.document({ tools: documents }, () =>
    columns([['NAME', 'WANTED', 'FOUND', 'SOURCE', 'PATH'], ...tools.map(rowOf)]),
  );
  return 0;
}

function rowOf({ name, wanted, found }: ListedTool): string[] {
  return [name, wanted, found?.version ?? '-', found?.source ?? '-', found?.path ?? '-'];
}

function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** `datamill tools install [NAME...]`: installs what is missing, of all tools when none is named. */
export async function toolsInstall({ io }: ToolsOptions, ...names: string[]): Promise<number> {
  const wanted = names.length > 0 ? names : (await listTools()).map((tool) => tool.name);
  const onProgress = (message: string) => process.stderr.write(`${message}\n`);
  const tools = [...(await resolveTools(wanted, { signal: io.signal, onProgress })).values()];
  await io.document({ tools }, () =>
    columns([
      ['NAME', 'VERSION', 'SOURCE', 'PATH'],
      ...tools.map((tool) => [tool.name, tool.version, tool.source, tool.path]),
    ]),
  );
  return 0;
}

/** `datamill tools path NAME`: prints where a tool is, and nothing else. */
export async function toolsPath({ io }: ToolsOptions, name: string): Promise<number> {
  const tool = await findTool(name);
  if (tool === undefined) {
    throw new DatamillError('TOOL_NOT_FOUND', `${name} is not installed`, {
      hint: `install it with \`datamill tools install ${name}\``,
    });
  }
  await io.document({ name, path: tool.path }, () => `${tool.path}\n`);
  return 0;
}
