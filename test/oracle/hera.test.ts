import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { type ExportOptions, exportProject, readProject } from '../../src/pipeline/index.ts';
import { pipelineFolder } from '../helpers/pipelines.ts';
import { ask } from './python.ts';

const folder = mkdtempSync(join(tmpdir(), 'datamill-hera-'));
const python = inject('oraclePython');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function validated(project: string, options: ExportOptions) {
  const read = await readProject({ entry: 'pipeline.yaml', cwd: join(pipelineFolder, project) });
  const { yaml, objects } = await exportProject(read, options);
  const file = join(folder, 'argo.yaml');
  writeFileSync(file, yaml);
  const [answer] = (await ask(python, 'validate_workflow.py', [file])) as Array<{
    documents: number;
    errors: string[];
  }>;
  return { ...answer!, objects: objects.length };
}

describe.skipIf(python === '')("Hera's models", () => {
  it.each([
    ['a plain project', 'ml-basic', {}],
    ['a template', 'ml-basic', { kind: 'WorkflowTemplate' }],
    ['a schedule', 'ml-basic', { kind: 'CronWorkflow', schedule: '0 4 * * *' }],
    ['all settings of soopervisor.yaml', 'export-settings', {}],
    ['a target environment', 'export-targets', {}],
    ['a workflow in parts', 'export-many', { maxBytes: 10_000 }],
  ] as Array<[string, string, ExportOptions]>)('accept %s', async (_, project, options) => {
    const { errors, documents, objects } = await validated(project, options);

    expect(errors).toEqual([]);
    expect(documents).toBe(objects);
  });
});
