import * as actions from '../actions/cluster.ts';
import { DatamillError } from '../errors.ts';
import { actionOptions, type CommandOptions, confirm, sameFlags } from './runtime.ts';

/** `datamill start` */
export async function start(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { driver, context, kubeconfig: path } = await actions.start(actionOptions(options, io.progress()));
  await io.document(
    { driver, context, kubeconfig: path },
    () =>
      `The ${driver} target runs (context ${context}).\n\`datamill up${sameFlags(options)}\` installs a flavour on it.\n`,
  );
  return 0;
}

/** `datamill stop` */
export async function stop(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { name, before } = await actions.stop(actionOptions(options, io.progress()));
  await io.document({ name, before }, () =>
    before === 'running'
      ? `${name} is stopped; nothing is lost.\n\`datamill start${sameFlags(options)}\` starts it again.\n`
      : `${name} is ${before}: there was nothing to stop.\n`,
  );
  return 0;
}

/** `datamill destroy` */
export async function destroy(options: CommandOptions): Promise<number> {
  const { io } = options;
  const ask = (name: string) => confirm(`Delete the ${name} with everything in it?`, options);
  const { name, before, done } = await actions.destroy({ ...actionOptions(options, io.warn), confirm: ask });
  if (!done && before !== 'absent')
    throw new DatamillError('NOT_CONFIRMED', 'nothing was destroyed', {
      exitCode: 2,
      hint: 'say yes, or give --yes',
    });
  await io.document({ name, destroyed: done }, () =>
    done ? `${name} is gone.\n` : `There is no ${name}.\n`,
  );
  return 0;
}

/** `datamill kubeconfig` */
export async function kubeconfig(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { path, text } = await actions.kubeconfig(actionOptions(options, io.warn));
  await io.print(options.path ? `${path}\n` : text);
  return 0;
}
