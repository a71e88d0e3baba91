import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { configError } from '../errors.ts';
import { cachedPath, settingOf, type ToolRow } from './table.ts';
import { isAccepted, versionOf } from './version.ts';

export interface Tool {
  name: string;
  path: string;
  /** Without the leading v. */
  version: string;
  source: 'setting' | 'path' | 'cache' | 'download' | 'build';
}

/** Looks for a tool in the settings, on PATH and in the cache, in this order; installs nothing. */
export async function find(name: string, row: ToolRow, env: NodeJS.ProcessEnv): Promise<Tool | undefined> {
  return (
    (await fromSetting(name, row, env)) ?? (await fromPath(name, row, env)) ?? (await fromCache(name, row))
  );
}

async function fromSetting(name: string, row: ToolRow, env: NodeJS.ProcessEnv): Promise<Tool | undefined> {
  const variable = settingOf(name);
  const path = env[variable];
  if (path) return explicit(name, row, variable, path);
  const assets = row.assets ? env.KUBEBUILDER_ASSETS : undefined;
  if (!assets) return undefined;
  if (!(await isFolder(assets))) {
    throw configError('TOOL_SETTING', `KUBEBUILDER_ASSETS names ${assets}, which is not a folder.`, {
      hint: 'Correct it, or unset it.',
    });
  }
  const inAssets = join(assets, name);
  // Such folders need not hold every tool; what they do hold counts.
  return (await isProgram(inAssets)) ? explicit(name, row, 'KUBEBUILDER_ASSETS', inAssets) : undefined;
}

async function explicit(name: string, row: ToolRow, variable: string, path: string): Promise<Tool> {
  if (!isAbsolute(path) || !(await isProgram(path))) {
    throw configError('TOOL_SETTING', `${variable} names ${path}, which is not an executable file.`, {
      hint: `Set it to the absolute path of ${name} ${row.accept}, or unset it.`,
    });
  }
  const version = await versionOf(path, row.version_args);
  if (version !== undefined && isAccepted(version, row.accept))
    return { name, path, version, source: 'setting' };
  const found = version === undefined ? 'does not say its version' : `is version ${version}`;
  throw configError(
    'TOOL_SETTING',
    `${path}, named by ${variable}, ${found}; ${name} ${row.accept} is needed.`,
    {
      hint: `Set ${settingOf(name)} to another ${name}, or unset ${variable}.`,
    },
  );
}

async function fromPath(name: string, row: ToolRow, env: NodeJS.ProcessEnv): Promise<Tool | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (!isAbsolute(folder) || !(await isProgram(path))) continue;
    const version = await versionOf(path, row.version_args);
    if (version !== undefined && isAccepted(version, row.accept))
      return { name, path, version, source: 'path' };
  }
  return undefined;
}

export async function fromCache(name: string, row: ToolRow): Promise<Tool | undefined> {
  const path = cachedPath(name, row.version);
  return (await isProgram(path)) ? { name, path, version: row.version, source: 'cache' } : undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}
