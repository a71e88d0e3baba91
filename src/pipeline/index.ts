/**
 * Ploomber projects: read without running them, checked, and written as workflows of Argo. The one
 * door of this room.
 */
export { projectDocument } from './describe.ts';
export { type Exported, type ExportOptions, exportProject } from './export/index.ts';
export { levels } from './graph.ts';
export { readProject } from './project.ts';
export { productText } from './spec/products.ts';
export type { Project, Task, Warning } from './types.ts';
