import * as actions from '../actions/cluster.ts';
import type { DatamillEvent } from '../actions/events.ts';
import { DatamillError } from '../errors.ts';
import { ask as askUser, canAsk } from '../ui/ask.ts';
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
  const ask = (doomed: actions.Doomed) => confirmDestroy(doomed, options);
  const { name, before, done } = await actions.destroy({ ...actionOptions(options, io.warn), confirm: ask });
  if (!done && before !== 'absent')
    throw new DatamillError('NOT_CONFIRMED', 'nothing was destroyed', {
      exitCode: 2,
      hint: 'say yes, or give --yes; a cluster that is paid for wants its name: --confirm NAME',
    });
  await io.document({ name, destroyed: done }, () =>
    done ? `${name} is gone.\n` : `There is no ${name}.\n`,
  );
  return 0;
}

/** `datamill connect`: holds the way to a machine open until it is interrupted. */
export async function connect(options: CommandOptions): Promise<number> {
  const { io } = options;
  const { driver, context, kubeconfig: path } = await actions.hold(actionOptions(options, tellAll));
  // From here on Ctrl-C is how it ends.
  io.quiet();
  const event = {
    schema: 1,
    time: new Date().toISOString(),
    type: 'connection',
    state: 'open',
    driver,
    context,
    kubeconfig: path,
  };
  await io.print(
    io.output === 'json'
      ? `${JSON.stringify(event)}\n`
      : `The ${driver} target is reached until you end this with Ctrl-C. In another terminal:\n  export KUBECONFIG=${path} # context ${context}\n`,
  );
  // Nothing else keeps the process alive: connections that wait do not.
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener('abort', () => resolve());
  });
  clearInterval(alive);
  return 0;

  function tellAll(event: DatamillEvent) {
    if (event.type === 'step') process.stderr.write(`${event.message}\n`);
    else io.warn(event);
  }
}

/** `datamill kubeconfig` */
export async function kubeconfig(options: CommandOptions): Promise<number> {
  const { io } = options;
  if (options.merge) return await mergeKubeconfig(options);
  const { path, text } = await actions.kubeconfig(actionOptions(options, io.warn));
  await io.print(options.path ? `${path}\n` : text);
  return 0;
}

/** --yes is enough for what costs nothing; for the rest its name is typed, or given with --confirm. */
async function confirmDestroy(
  { what, name, billed }: actions.Doomed,
  options: CommandOptions,
): Promise<boolean> {
  if (!billed) return await confirm(`Delete the ${what} with everything in it?`, options);
  if (options.confirm !== undefined) return options.confirm === name;
  if (!canAsk()) return false;
  const question = `The ${what} is deleted with everything in it. Type its name to go on: `;
  return (await askUser(question, options.io.signal)).trim() === name;
}

async function mergeKubeconfig(options: CommandOptions): Promise<number> {
  const { io } = options;
  const replace = options.yes === true;
  const { path, context } = await actions.mergeKubeconfig({ ...actionOptions(options, io.warn), replace });
  await io.document(
    { path, context },
    () => `${path} has the context ${context}, which is the current one.\n`,
  );
  return 0;
}
