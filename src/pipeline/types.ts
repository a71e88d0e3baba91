import type { Location } from '../errors.ts';
import type { PyMap } from './values.ts';

/** What one task leaves behind. */
export type Product =
  | { type: 'file'; path: string }
  | { type: 'relation'; schema: string | null; name: string; kind: string }
  | { type: 'other'; text: string };

/** A dependency: stated by name, matched by a pattern, or stated in pipeline.yaml. */
export interface Edge {
  task: string;
  via: 'literal' | 'wildcard' | 'declared';
  /** The pattern that matched, with `via: wildcard`. */
  pattern?: string;
}

/** One task of the graph, after grids were expanded. */
export interface Task {
  name: string;
  class: string;
  /** As it stands in pipeline.yaml: a path, or a dotted path. */
  source: string;
  /** The file that holds the source, absolute. */
  file?: string;
  /** By key; a task with one product has it under `product`. */
  products: Record<string, Product>;
  upstream: Edge[];
  params: PyMap;
  /** Where the task stands in pipeline.yaml. */
  at: () => Location;
}

export interface Warning {
  code: string;
  message: string;
  task?: string;
  at?: Location;
}

/** The project that a pipeline.yaml belongs to. */
export interface Place {
  /** The pipeline file, absolute; absent when tasks were given by a pattern. */
  spec?: string;
  /** The folder that holds the pipeline file. */
  folder: string;
  /** Sources and products are relative to this folder. */
  root: string;
  /** The name of the folder that holds the pipeline file. */
  name: string;
}

/** A project that was read without running any of it. */
export interface Project extends Place {
  tasks: Task[];
  warnings: Warning[];
}
