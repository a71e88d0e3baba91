import { existsSync, lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configError } from '../../errors.ts';
import { type Exported, type ExportOptions, exportProject, readProject } from '../../pipeline/index.ts';
import { writeAtomically } from '../../util/atomic.ts';
import type { PipelineOptions } from './graph.ts';

export interface ExportPipelineOptions extends PipelineOptions, ExportOptions {
  /** Where to write; `argo.yaml` in the project when absent, nothing is written for `-`. */
  file?: string;
}

export interface ExportResult {
  exported: Exported;
  tasks: number;
  /** The file that was written. */
  file?: string;
  project: string;
}

/**
 * Checks that a project can run in a cluster; nothing is written.
 *
 * @throws {DatamillError} (exit 2) everything that is wrong.
 */
export async function checkPipeline(options: PipelineOptions & ExportOptions) {
  const project = await readProject({ ...options, cwd: options.cwd ?? process.cwd() });
  const exported = await exportProject(project, options);
  return { project, ...exported };
}

/**
 * Writes a project as a workflow for Argo, in one step.
 *
 * @throws {DatamillError} (exit 2) everything that is wrong, or WORKFLOW_TOO_LARGE (exit 3).
 */
export async function exportPipeline(options: ExportPipelineOptions): Promise<ExportResult> {
  const cwd = options.cwd ?? process.cwd();
  const project = await readProject({ ...options, cwd });
  const exported = await exportProject(project, options);
  const base = { exported, tasks: project.tasks.length, project: project.name };
  if (options.file === '-') return base;
  const file = options.file === undefined ? join(project.root, 'argo.yaml') : resolve(cwd, options.file);
  if (existsSync(file) && !lstatSync(file).isFile())
    throw configError('FILE_UNWRITABLE', `${file} is no plain file, so the workflow is not written there`, {
      hint: 'name another file: -o workflow.yaml',
    });
  await writeAtomically(file, exported.yaml);
  return { ...base, file };
}
