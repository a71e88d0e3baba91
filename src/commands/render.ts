import { render } from '../actions/render.ts';
import { actionOptions, type CommandOptions } from './runtime.ts';

/** `datamill render FOLDER` */
export async function run(options: CommandOptions, folder: string): Promise<number> {
  const { io } = options;
  const { files } = await render({ ...actionOptions(options, io.warn), folder });
  await io.document(
    { files },
    () =>
      `${files.length} objects written to ${folder}.\nSecrets that \`up\` would make are not among them: they are made in the cluster only.\n`,
  );
  return 0;
}
