import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { DatamillError } from '../errors.ts';
import { findTool, type Tool } from '../tools/index.ts';
import { loadTable } from '../tools/table.ts';
import { versionOf } from '../tools/version.ts';
import { type Observation, ok, warning, wrong } from './observation.ts';

/** What a rehearsal is made of, beside helm. */
const REHEARSAL = ['kwokctl', 'kwok', 'etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** The programs that a target of this kind takes; kubectl is for people. */
export function toolsFor(driver: string): string[] {
  return ['helm', 'kubectl', ...(driver === 'rehearsal' ? REHEARSAL : [])];
}

export async function examineTools(
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Observation[]> {
  return await Promise.all(names.map((name) => examineTool(name, env)));
}

async function examineTool(name: string, env: NodeJS.ProcessEnv): Promise<Observation> {
  const { version: wanted, accept, version_args } = (await loadTable()).tools[name]!;
  let found: Tool | undefined;
  try {
    found = await findTool(name, { env });
  } catch (error) {
    if (!(error instanceof DatamillError)) throw error;
    return wrong(error.message, { remedy: error.hint });
  }
  const other = await notAccepted(name, found, version_args, env);
  if (found !== undefined) {
    const { version, path, source } = found;
    return ok(`${name} ${version} (accepted: ${accept})${other}`, { where: `${path} (${SOURCES[source]})` });
  }
  const what = `${name} is not here: ${wanted} is downloaded or built when it is first needed${other}`;
  // kubectl is for people: nothing waits for it.
  return (name === 'kubectl' ? ok : warning)(what, { remedy: `\`datamill tools install ${name}\`` });
}

const SOURCES: Record<Tool['source'], string> = {
  setting: 'by a setting',
  path: 'on PATH',
  cache: 'own copy',
  download: 'own copy',
  build: 'own copy',
};

/** The one that a shell would run, when it is another: people wonder why theirs is not used. */
async function notAccepted(
  name: string,
  found: Tool | undefined,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (
      folder === '' ||
      !(await access(path).then(
        () => true,
        () => false,
      ))
    )
      continue;
    if (path === found?.path) return '';
    const version = await versionOf(path, args).catch(() => undefined);
    return `; ${path} is ${version ?? 'of no known version'} and is not used`;
  }
  return '';
}
