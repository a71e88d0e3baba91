import { posix } from 'node:path';
import { DatamillError } from '../../errors.ts';
import type { DatabaseConfig, NodeConfig } from '../config.ts';
import type { Layout } from '../protocol/contract.ts';

type Entry = Record<string, unknown>;

interface Mounts {
  volumes: Entry[];
  mounts: Entry[];
  /** The output again, for whoever collects it. */
  output: Entry;
}

/** Folders of a run, below the claim or the folder of the Kubernetes node. */
function runFolder(runId: number, part: 'output' | 'tmp'): string {
  return `runs/${runId}/${part}`;
}

/** Volumes of a run: its output, its scratch space, its files, and the databases, which are only read. */
export function volumesOf(config: NodeConfig, layout: Layout, runId: number, secret: string): Mounts {
  const { jobs } = config;
  const volumes: Entry[] = [{ name: 'tmp', emptyDir: { sizeLimit: jobs.scratch } }];
  const mounts: Entry[] = [{ name: 'tmp', mountPath: '/tmp' }];
  const output = folder('output', layout.outputFolder, config, runId);
  const scratch = folder('tmp', layout.scratchFolder, config, runId);
  volumes.push(...new Map([...output.volumes, ...scratch.volumes].map((one) => [one.name, one])).values());
  mounts.push(output.mount, scratch.mount);
  const paths = Object.keys(layout.files);
  if (paths.length > 0) {
    const items = paths.map((_, index) => ({ key: `file-${index}`, path: `file-${index}` }));
    volumes.push({ name: 'files', secret: { secretName: secret, items, defaultMode: 0o444 } });
    mounts.push(
      ...paths.map((mountPath, index) => ({
        name: 'files',
        mountPath,
        subPath: `file-${index}`,
        readOnly: true,
      })),
    );
  }
  for (const [index, database] of config.databases.entries()) {
    const { volume, subPath } = databaseVolume(database, `database-${index}`);
    const mountPath = layout.databasePath(database.label, database.type);
    volumes.push(volume);
    mounts.push({ name: volume.name, mountPath, readOnly: true, ...(subPath === '' ? {} : { subPath }) });
  }
  return { volumes, mounts, output: { ...output.mount, readOnly: true } };
}

function folder(
  part: 'output' | 'tmp',
  mountPath: string,
  { jobs }: NodeConfig,
  runId: number,
): { volumes: Entry[]; mount: Entry } {
  const subPath = runFolder(runId, part);
  if (jobs.claim !== undefined) {
    const volume = { name: 'runs', persistentVolumeClaim: { claimName: jobs.claim } };
    return { volumes: [volume], mount: { name: 'runs', mountPath, subPath } };
  }
  if (jobs.host_path !== undefined) {
    const volume = { name: 'runs', hostPath: { path: jobs.host_path, type: 'DirectoryOrCreate' } };
    return { volumes: [volume], mount: { name: 'runs', mountPath, subPath } };
  }
  const volume = { name: part === 'tmp' ? 'scratch' : part, emptyDir: { sizeLimit: jobs.scratch } };
  return { volumes: [volume], mount: { name: volume.name, mountPath } };
}

/** `claim://NAME/path`, `secret://NAME/key`, `configmap://NAME/key`, `file:///path` */
function databaseVolume({ label, uri }: DatabaseConfig, name: string): { volume: Entry; subPath: string } {
  const [, scheme, rest = ''] = /^(\w+):\/\/(.*)$/.exec(uri) ?? [];
  const path = posix.normalize(scheme === 'file' ? rest : rest.slice(rest.indexOf('/') + 1 || rest.length));
  if (rest.split('/').includes('..') || (scheme !== 'file' && posix.isAbsolute(path)))
    throw new DatamillError('NODE_DATABASE', `the URI of the database ${label} leaves its volume`);
  const source = rest.split('/')[0]!;
  const subPath = path === '.' ? '' : path;
  switch (scheme) {
    case 'claim':
      return { volume: { name, persistentVolumeClaim: { claimName: source, readOnly: true } }, subPath };
    case 'secret':
      return { volume: { name, secret: { secretName: source, defaultMode: 0o444 } }, subPath };
    case 'configmap':
      return { volume: { name, configMap: { name: source, defaultMode: 0o444 } }, subPath };
    default:
      return { volume: { name, hostPath: { path } }, subPath: '' };
  }
}
