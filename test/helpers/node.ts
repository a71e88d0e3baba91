import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type NodeConfig, readNodeConfig } from '../../src/node/config.ts';
import type { RunRequest } from '../../src/node/types.ts';

/** A node's configuration as its file would give it. */
export function nodeConfig(more: object = {}): NodeConfig {
  const folder = mkdtempSync(join(tmpdir(), 'datamill-node-'));
  try {
    const file = join(folder, 'node.yaml');
    writeFileSync(file, stringify({ server: { server_ip: '127.0.0.1' }, ...more }));
    return readNodeConfig(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function request(more: Partial<RunRequest> = {}): RunRequest {
  return { runId: 1, taskId: 1, image: 'avg', databases: [], ...more };
}
