import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { TargetSpec } from '../../src/targets/contract.ts';
import type { Machine } from '../../src/targets/planned/machine.ts';
import { packageRoot } from '../../src/util/paths.ts';

/** The machine of the golden files: a Debian on which we are nobody special. */
export const machine: Machine = {
  os: 'linux',
  distro: 'debian',
  like: [],
  version: '12',
  root: false,
  groups: ['users'],
  cpus: 16,
  memory: 65536,
  snapFolder: true,
};

export function specOf(driver: string, more: Partial<TargetSpec> = {}): TargetSpec {
  return { driver, name: 'datamill', storageClasses: [], settings: {}, ...more };
}

interface Fault {
  exit?: number;
  stdout?: string;
  stderr?: string;
  /** Milliseconds before it answers. */
  delay?: number;
  times?: number;
}

/** A folder in which the fakes of test/fixtures/bin keep what they do, and an API server for their clusters. */
export interface Fakes {
  readonly folder: string;
  /** Lines of what was called since the last time, one per call. */
  calls(): Promise<string[]>;
  faults(faults: Record<string, Fault>): Promise<void>;
  /** The state of a tool, as it keeps it. */
  set(tool: string, state: unknown): Promise<void>;
  get(tool: string): Promise<Record<string, unknown>>;
}

const changed = ['PATH', 'DATAMILL_FAKES', 'XDG_STATE_HOME', 'KUBECONFIG'];

/** Fakes first on PATH, and state in a folder of the test's own. */
export function useFakes(): Fakes {
  const fakes = { folder: '' };
  const before = Object.fromEntries(changed.map((name) => [name, process.env[name]]));
  const server = http.createServer((request, response) => {
    const ready = { type: 'Ready', status: 'True' };
    const answers: Record<string, unknown> = {
      '/version': { gitVersion: 'v1.35.4' },
      '/api/v1/nodes': { items: [{ metadata: { name: 'node' }, status: { conditions: [ready] } }] },
    };
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', code: 404 }));
  });
  beforeEach(async () => {
    fakes.folder = await mkdtemp(join(tmpdir(), 'datamill-fakes-'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await writeFile(join(fakes.folder, 'kubeconfig'), kubeconfigFor(port));
    process.env.PATH = [join(packageRoot, 'test/fixtures/bin'), before.PATH].join(delimiter);
    process.env.DATAMILL_FAKES = fakes.folder;
    process.env.XDG_STATE_HOME = join(fakes.folder, 'state');
    delete process.env.KUBECONFIG;
  });
  afterEach(async () => {
    for (const name of changed) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(fakes.folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return fakes.folder;
    },
    calls: async () => {
      const log = join(fakes.folder, 'calls.log');
      if (!existsSync(log)) return [];
      const lines = (await readFile(log, 'utf8')).trim().split('\n');
      await rm(log);
      return lines.map((line) => (JSON.parse(line) as string[]).join(' ').replaceAll(fakes.folder, '$FAKES'));
    },
    faults: (faults) => writeFile(join(fakes.folder, 'faults.json'), JSON.stringify(faults)),
    set: (tool, state) => writeFile(join(fakes.folder, `${tool}.json`), JSON.stringify(state)),
    get: async (tool) => JSON.parse(await readFile(join(fakes.folder, `${tool}.json`), 'utf8')),
  };
}

function kubeconfigFor(port: number): string {
  return `apiVersion: v1
kind: Config
current-context: default
clusters:
  - { name: default, cluster: { server: "http://127.0.0.1:${port}" } }
  - { name: other, cluster: { server: "http://other" } }
users:
  - { name: default, user: { token: default } }
contexts:
  - { name: default, context: { cluster: default, user: default } }
  - { name: other, context: { cluster: other, user: default } }
`;
}
