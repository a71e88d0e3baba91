import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { productText, type Project, readProject } from '../../src/pipeline/index.ts';
import { packageRoot } from '../../src/util/paths.ts';

/** Projects of our own, each with a `fixture.json` where it is not read in the usual way. */
export const pipelineFolder = join(packageRoot, 'test', 'fixtures', 'pipelines');

export interface PipelineFixture {
  name: string;
  folder: string;
  entry: string;
  /** Folder in the project from which it is read. */
  cwd: string;
  variables: Record<string, string>;
  overrides: Record<string, string>;
  /** The code of the error with which we refuse it. */
  refused?: string;
  /** False where Ploomber can only load it without importing its modules or without its kernel. */
  eager: boolean;
}

export const pipelineFixtures: PipelineFixture[] = readdirSync(pipelineFolder)
  .sort()
  .map((name) => {
    const folder = join(pipelineFolder, name);
    const file = join(folder, 'fixture.json');
    const own = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<PipelineFixture>) : {};
    return {
      entry: 'pipeline.yaml',
      cwd: '.',
      variables: {},
      overrides: {},
      eager: true,
      ...own,
      name,
      folder,
    };
  });

/** Reads a fixture as `datamill pipeline graph` does. */
export function readFixture(fixture: PipelineFixture, folder = fixture.folder): Promise<Project> {
  return readProject({
    entry: fixture.entry,
    cwd: join(folder, fixture.cwd),
    variables: { ...process.env, ...fixture.variables },
    overrides: new Map(Object.entries(fixture.overrides)),
  });
}

/** A graph in the form of the oracle's answers; the project's folder becomes `{root}`. */
export function summary(project: Project, folder: string): Record<string, unknown> {
  return Object.fromEntries(
    project.tasks.map((task) => [
      task.name,
      {
        class: task.class,
        upstream: task.upstream.map((edge) => edge.task).sort(),
        products: Object.fromEntries(
          Object.entries(task.products).map(([key, product]) => [
            key,
            productText(product).replaceAll(folder, '{root}'),
          ]),
        ),
      },
    ]),
  );
}

/** A copy that a test may change; `remove` takes it away. */
export function copyOfFixture(name: string): { folder: string; remove: () => void } {
  const base = mkdtempSync(join(tmpdir(), 'datamill-pipeline-'));
  const folder = join(base, name);
  cpSync(join(pipelineFolder, name), folder, { recursive: true });
  return { folder, remove: () => rmSync(base, { recursive: true, force: true }) };
}
