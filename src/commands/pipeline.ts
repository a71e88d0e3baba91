import { type PipelineOptions, pipelineGraph } from '../actions/pipeline/graph.ts';
import { configError } from '../errors.ts';
import { drawDot, drawLevels, drawMermaid } from '../ui/graph.ts';
import type { CommandIO } from './runtime.ts';

interface Options {
  io: CommandIO;
  entry?: string;
  env?: string;
}

/** `datamill pipeline graph` */
export async function graph(options: Options, ...rest: string[]): Promise<number> {
  const { io } = options;
  const { project, levels, warnings, document } = await pipelineGraph(readOptions(options, rest));
  for (const { message, at } of warnings) io.warn({ type: 'warning', message, ...at });
  const form = io.output as string;
  if (form === 'mermaid') await io.print(drawMermaid(project.tasks));
  else if (form === 'dot') await io.print(drawDot(project.name, project.tasks));
  else await io.document(document, () => drawLevels(project, levels, io.style));
  return 0;
}

/** @throws {DatamillError} USAGE (exit 2) for arguments that no command takes. */
function readOptions({ entry, env }: Options, rest: readonly string[]): PipelineOptions {
  const overrides = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 1) {
    const [, key, given] = /^--env--([^=]+)(?:=([\s\S]*))?$/.exec(rest[at]!) ?? [];
    const value = given ?? rest[at + 1];
    if (key === undefined)
      throw configError('USAGE', `${JSON.stringify(rest[at])} is not understood`, {
        hint: 'datamill pipeline --help shows what there is',
      });
    if (value === undefined)
      throw configError('USAGE', `--env--${key} needs a value`, { hint: `--env--${key} VALUE` });
    if (given === undefined) at += 1;
    overrides.set(key.replaceAll('--', '.'), value);
  }
  return { entry, env, overrides };
}
