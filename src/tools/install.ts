import { DatamillError } from '../errors.ts';
import { download, type InstallContext } from './download.ts';
import type { Tool } from './find.ts';
import { build } from './gobuild.ts';
import { settingOf, type ToolTable } from './table.ts';

/**
 * Installs tools that were not found: official releases first, all at once, then one build per
 * Go module for the rest.
 *
 * @throws TOOLS_MISSING, which tells for every tool what was tried.
 */
export async function install(table: ToolTable, names: string[], context: InstallContext): Promise<Tool[]> {
  const tried = new Map<string, string[]>(names.map((name) => [name, []]));
  const installed: Tool[] = [];
  const keep = (name: string, result: Tool | string) => {
    if (typeof result === 'string') tried.get(name)?.push(result);
    else installed.push(result);
  };
  await allSettledFirst(
    names.map(async (name) => keep(name, await download(name, table.tools[name]!, context))),
  );
  for (const [module, members] of byModule(table, names, installed)) {
    const result = await build(table, module, members, context);
    if (typeof result === 'string') for (const name of members) keep(name, result);
    else for (const tool of result) keep(tool.name, tool);
  }
  const missing = names.filter((name) => !installed.some((tool) => tool.name === name));
  if (missing.length > 0) throw missingError(table, missing, tried);
  return installed;
}

/** Waits for all, so that nothing runs on behind an error's back, and throws the first error. */
async function allSettledFirst(promises: Array<Promise<void>>): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function byModule(table: ToolTable, names: string[], installed: Tool[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    if (installed.some((tool) => tool.name === name)) continue;
    const { module } = table.tools[name]!.build;
    groups.set(module, [...(groups.get(module) ?? []), name]);
  }
  return groups;
}

function missingError(table: ToolTable, missing: string[], tried: Map<string, string[]>): DatamillError {
  const lines = missing.map((name) => {
    const { version, accept } = table.tools[name]!;
    const steps = [`not on PATH in a version ${accept}`, ...(tried.get(name) ?? [])];
    return `  ${name} ${version}: ${steps.join('; ')}`;
  });
  const settings = missing.map((name) => `${settingOf(name)}=/path/to/${name}`);
  return new DatamillError(
    'TOOLS_MISSING',
    `These tools are missing and could not be installed:\n${lines.join('\n')}`,
    {
      hint: `Install Go 1.26 or later, so that they can be built; or name copies that you have (${settings.join(' ')}); or set DATAMILL_TOOLS_MIRROR to a mirror's address.`,
    },
  );
}
