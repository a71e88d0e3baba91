import { explain, config as readConfig, validate as validateFile } from '../actions/config.ts';
import { DatamillError } from '../errors.ts';
import { printError } from '../ui/error.ts';
import { toYaml } from '../ui/yaml.ts';
import { actionOptions, type CommandIO, type CommandOptions } from './runtime.ts';

/** `datamill config` */
export async function config(options: CommandOptions): Promise<number> {
  const { io } = options;
  const actions = actionOptions(options, io.warn);
  if (typeof options.explain === 'string') {
    const found = explain(actions, options.explain);
    await io.document(
      { path: options.explain, statements: found.map(({ at, value }) => ({ ...at, value })) },
      () =>
        found
          .map(
            ({ at, value }) =>
              `${at.file}${at.line === undefined ? '' : `:${at.line}:${at.column}`} ${JSON.stringify(value)}\n`,
          )
          .join(''),
    );
    return 0;
  }
  const { resolved, document } = readConfig(actions);
  for (const { message, at } of resolved.warnings) io.warn({ type: 'warning', message, ...at });
  await io.document(document, () => toYaml(document));
  return 0;
}

/** `datamill validate FILE...` */
export async function validate({ io }: { io: CommandIO }, ...files: string[]): Promise<number> {
  let worst = 0;
  const results: Array<{ file: string; valid: boolean; kind?: string }> = [];
  for (const file of files) {
    try {
      const { kind, warnings } = validateFile(file);
      for (const { message, at } of warnings) io.warn({ type: 'warning', message, ...at });
      results.push({ file, valid: true, kind });
    } catch (error) {
      if (!(error instanceof DatamillError)) throw error;
      worst = printError(error, { output: io.output, verbose: io.verbose });
      results.push({ file, valid: false });
    }
  }
  await io.document({ files: results }, () =>
    results
      .filter(({ valid }) => valid)
      .map(({ file, kind }) => `${file}: a valid ${kind}\n`)
      .join(''),
  );
  return worst;
}
