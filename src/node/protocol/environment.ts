import type { NodeConfig } from '../config.ts';
import type { RunRequest } from '../types.ts';
import { jobName, type Layout } from './contract.ts';

/**
 * As vantage6's node writes values since 4.0: base32, with `!` for `=`, so that no value is one of
 * another variable's. `get_env_var` of vantage6-algorithm-tools reads them.
 */
export function encodeEnv(value: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const byte of Buffer.from(value)) bits += byte.toString(2).padStart(8, '0');
  let text = '';
  for (let at = 0; at < bits.length; at += 5)
    text += alphabet[Number.parseInt(bits.slice(at, at + 5).padEnd(5, '0'), 2)];
  return text.padEnd(Math.ceil(text.length / 8) * 8, '!');
}

/** Names that a label may not make, as the node's own variables would be hidden by it. */
const OWN = [
  'INPUT_FILE',
  'OUTPUT_FILE',
  'TOKEN_FILE',
  'TEMPORARY_FOLDER',
  'HOST',
  'PORT',
  'API_PATH',
  'PKG_NAME',
];

/** Folders, files and variables of a run, as algorithms of version 4 expect them. */
export function v4Layout(request: RunRequest, config: NodeConfig): Layout {
  const { server, proxy } = config;
  const task = `/mnt/data/task-${String(request.taskId).padStart(9, '0')}`;
  const input = `${task}/input`;
  const token = `${task}/token`;
  const outputFolder = `${task}/result`;
  const databasePath = (label: string, type: string) => `/mnt/databases/${label}.${type}`;
  const asked = config.databases.filter(({ label }) => request.databases.includes(label));
  const values: Record<string, string> = {
    INPUT_FILE: input,
    OUTPUT_FILE: `${outputFolder}/output`,
    TOKEN_FILE: token,
    TEMPORARY_FOLDER: '/mnt/tmp',
    HOST: `http://${proxy.names[0] ?? proxy.service}`,
    PORT: String(proxy.port),
    API_PATH: server.api_path,
    USER_REQUESTED_DATABASE_LABELS: asked.map(({ label }) => label).join(','),
    DATABASE_LABELS: config.databases.map(({ label }) => label).join(','),
  };
  for (const { label, type } of asked) {
    const name = label.toUpperCase();
    for (const [key, value] of [
      [`${name}_DATABASE_URI`, databasePath(label, type)],
      [`${name}_DATABASE_TYPE`, type],
    ] as const)
      if (!OWN.includes(key)) values[key] = value;
  }
  return {
    jobName: jobName('v4', request.runId),
    env: Object.entries(values).map(([name, value]) => ({ name, value: encodeEnv(value) })),
    files: {
      [input]: request.input ?? Buffer.alloc(0),
      [token]: Buffer.from(request.token ?? ''),
    },
    databasePath,
    outputFolder,
    outputFile: 'output',
    scratchFolder: '/mnt/tmp',
  };
}
