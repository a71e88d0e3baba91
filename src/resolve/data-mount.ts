import { createHash } from 'node:crypto';
import { dirname, join, posix, relative, sep } from 'node:path';
import { firstExisting } from '../config/read.ts';
import type { Project } from '../config/schema/project.ts';
import { packageRoot, resolvePath } from '../util/paths.ts';
import { type Layer, layered } from './layers.ts';
import type { ResolvedTarget } from './target.ts';
import type { Warning } from './types.ts';

/** The capability by which components are given the data folder. */
export const DATA_FOLDER = 'data-folder';
/** Where containers see it. */
const PATH = '/data';

/** How the nodes of the target see the data folder. */
export interface DataMount {
  /** Name of the claim in every namespace with a component that takes it. */
  claim: string;
  /** Path of the folder on the nodes. */
  node: string;
}

interface Said {
  project: Project & { name: string };
  projectLayers: Layer[];
}

/** Where the folders are that become buckets; undefined when the flavour does not say. */
export function dataFolderOf({ project, projectLayers }: Said): string | undefined {
  const said = project.data_folder;
  if (said === undefined) return undefined;
  const { file } = layered(projectLayers).locate(['data_folder']);
  const beside = resolvePath(said, dirname(file));
  return firstExisting([beside, join(packageRoot, said)]) ?? beside;
}

/**
 * Where the data folder is to be mounted from. Undefined when `mount_data` does not ask for it, or,
 * with a warning, where the nodes of the target do not see it.
 */
export function dataMountOf(
  said: Said,
  target: ResolvedTarget | undefined,
  warn: (warning: Warning) => void,
): DataMount | undefined {
  const { project, projectLayers } = said;
  if (!project.mount_data || target === undefined) return undefined;
  const skip = (why: string) => {
    const at = layered(projectLayers).locate(['mount_data']);
    warn({ message: `data_folder is not mounted into components: ${why}`, at });
    return undefined;
  };
  const folder = dataFolderOf(said);
  if (folder === undefined) return skip('the flavour names none');
  const shared = sharedFolder(target);
  if (shared === undefined)
    return skip(`the nodes of a ${target.driver} target do not see it, or its \`mount\` does not say where`);
  const below = relative(shared.host, folder);
  if (below === '..' || below.startsWith(`..${sep}`))
    return skip(`${folder} is not in ${shared.host}, the folder that the nodes see`);
  const node = posix.join(shared.node, ...below.split(sep));
  const digest = createHash('sha256').update(node).digest('hex').slice(0, 8);
  return { claim: `datamill-data-${digest}`, node };
}

/** The folder of this machine that the nodes see, and where: the target's `mount`, HOST:/NODE. */
function sharedFolder({ driver, settings }: ResolvedTarget): { host: string; node: string } | undefined {
  const { mount, use_multipass: inMachine } = settings;
  if (typeof mount === 'string') {
    const colon = mount.lastIndexOf(':');
    return { host: resolvePath(mount.slice(0, colon), process.cwd()), node: mount.slice(colon + 1) };
  }
  // There the node is this machine.
  const isHere = driver === 'k3s' || (driver === 'microk8s' && inMachine === false);
  return isHere ? { host: '/', node: '/' } : undefined;
}

/** What components are told of it. */
export function dataFolderFields({ claim }: DataMount): Record<string, unknown> {
  return { claim, path: PATH };
}
