/**
 * Ploomber projects: read without running them, checked, and written as workflows of Argo. The one
 * door of this room.
 */
export { projectDocument, productsDocument } from './describe.ts';
export {
  type Checked,
  checkProject,
  type Exported,
  type ExportOptions,
  exportProject,
  type Mode,
} from './export/index.ts';
export type { Kind } from './export/documents.ts';
export type { ExportSettings, Volume } from './export/settings.ts';
export { downstream, levels } from './graph.ts';
export { type ReadOptions, readProject } from './project.ts';
export { productText } from './spec/products.ts';
export type { Edge, Product, Project, Task, Warning } from './types.ts';
export { toJson } from './values.ts';
