import {
  levels,
  type Project,
  projectDocument,
  readProject,
  type Task,
  type Warning,
} from '../../pipeline/index.ts';

export interface PipelineOptions {
  /** The pipeline file, a folder of scripts or a pattern. */
  entry?: string;
  cwd?: string;
  /** `--env NAME` */
  env?: string;
  /** `--env--KEY VALUE` */
  overrides?: ReadonlyMap<string, string>;
}

export interface PipelineGraph {
  project: Project;
  /** Tasks by level: those of one level can run at once. */
  levels: Task[][];
  warnings: Warning[];
  /** The graph as data, for `--output json`. */
  document: Record<string, unknown>;
}

/**
 * Reads the graph of a Ploomber project. Nothing of the project runs, nothing is written.
 *
 * @throws {DatamillError} (exit 2) with all that is wrong with the project.
 */
export async function pipelineGraph(options: PipelineOptions): Promise<PipelineGraph> {
  const project = await readProject({ ...options, cwd: options.cwd ?? process.cwd() });
  return {
    project,
    levels: levels(project.tasks),
    warnings: project.warnings,
    document: projectDocument(project),
  };
}
