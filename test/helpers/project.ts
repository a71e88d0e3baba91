import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test as base, inject } from 'vitest';
import { stringify } from 'yaml';
import { packageRoot } from '../../src/util/paths.ts';
import { type CliOptions, type CliResult, run } from './cli.ts';
import { clusterFlags, deleteNamespace } from './cluster.ts';

export const charts: string = join(packageRoot, 'test', 'fixtures', 'charts');

/** A flavour in a temporary folder and a namespace that nobody else has. */
export interface Project {
  folder: string;
  namespace: string;
  /** A further namespace, removed with the others; it is not made. */
  another(): string;
  /** Writes a file below the folder: text as it is, anything else as YAML. */
  write(name: string, content: unknown): Promise<string>;
  /** Writes `flavour.yaml`: inline components, with sections and words of the project beside them. */
  flavour(components: Record<string, unknown>, more?: Record<string, unknown>): Promise<void>;
  /** Runs a verb on the flavour and the shared cluster. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
}

/** An inline component with the chart of the fixtures. */
export function app(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { chart: { path: join(charts, 'app') }, ...more };
}

/** For tests that share one; `it` gives each its own. */
export async function makeProject(): Promise<Project & { remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'datamill-test-'));
  const fresh = () => `t-${randomBytes(4).toString('hex')}`;
  const namespaces = [fresh()];
  const namespace = namespaces[0]!;
  const write = async (name: string, content: unknown) => {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : stringify(content, { lineWidth: 0 }));
    return file;
  };
  return {
    folder,
    namespace,
    another() {
      namespaces.push(fresh());
      return namespaces.at(-1)!;
    },
    write,
    async flavour(components, { project, ...more } = {}) {
      await write('flavour.yaml', {
        project: { k8s_namespace: namespace, ...(project as object) },
        components,
        ...more,
      });
    },
    run: ([verb = '', ...args], options = {}) =>
      run([verb, '-f', 'flavour.yaml', ...clusterFlags(), ...args], { cwd: folder, ...options }),
    async remove() {
      for (const name of namespaces) await deleteNamespace(name);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `it` with a project of the test's own, removed afterwards. */
export const it = base.extend<{ project: Project }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures off this pattern
  project: async ({}, use) => {
    const project = await makeProject();
    await use(project);
    await project.remove();
  },
});

/** A target file that names the shared cluster as the rehearsal that it is, and where its state lies. */
export async function rehearsalTarget(
  project: Project,
): Promise<{ flags: string[]; env: { XDG_STATE_HOME: string } }> {
  const { name, state } = inject('rehearsal');
  const file = await project.write('target.yaml', { local: { provider: 'rehearsal', name, nodes: 2 } });
  return { flags: ['-t', file], env: { XDG_STATE_HOME: state } };
}
