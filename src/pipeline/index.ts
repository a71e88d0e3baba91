/**
 * Ploomber projects: read without running them, checked, and written as workflows of Argo. The one
 * door of this room.
 */

export { codeFiles } from './code/list.ts';
export { LOOK, MISMATCH, STORE } from './code/scripts.ts';
export { type CodeVersion, codeVersion } from './code/version.ts';
export { projectDocument } from './describe.ts';
export type { Code } from './export/code.ts';
export { containerfile } from './export/containerfile.ts';
export { PIPELINE } from './export/documents.ts';
export {
  type Checked,
  checkProject,
  type Exported,
  type ExportOptions,
  exportProject,
  slugOf,
  statusPod,
} from './export/index.ts';
export type { ExportSettings, Platform } from './export/settings.ts';
export { diskPodSpec } from './export/workflow.ts';
export { currentCommit } from './git.ts';
export { levels } from './graph.ts';
export { isOver, type TaskProgress, type WorkflowProgress, workflowProgress } from './progress.ts';
export { readProject } from './project.ts';
export { productText } from './spec/products.ts';
export type { Project, Task, Warning } from './types.ts';
