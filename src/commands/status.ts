import { runningImages } from '../actions/images.ts';
import { type StatusResult, status } from '../actions/status.ts';
import { renderTable } from '../ui/table.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill status` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  if (options.images) return await images(options);
  const result = await status(actionOptions(options, io.warn));
  const { target } = result;
  const { state: _, ...documented } = target;
  await io.document(
    {
      flavour: result.flavour,
      namespace: result.namespace,
      target: documented,
      components: result.components,
      leftover: result.leftover,
    },
    () => text(result, options),
  );
  return 0;
}

/** `datamill status --images` */
async function images(options: CommandOptions): Promise<number> {
  const { io } = options;
  const found = await runningImages(actionOptions(options, io.warn));
  await io.document({ images: found }, () => {
    if (found.length === 0)
      return `No pod of this flavour runs; \`datamill status${sameFlags(options)}\` says more.\n`;
    const columns = [
      { title: 'IMAGE', shrink: false },
      { title: 'DIGEST' },
      { title: 'PODS', align: 'right' as const },
      { title: 'COMPONENTS' },
    ];
    const rows = found.map(({ image, digest, pods, components }) => [
      image,
      digest || 'not known',
      String(pods),
      components.join(', '),
    ]);
    return renderTable(columns, rows, { width: process.stdout.columns });
  });
  return 0;
}

function text(
  { flavour, namespace, target, components, leftover }: StatusResult,
  options: CommandOptions,
): string {
  const where =
    target.state === 'running'
      ? `${target.driver} (${target.context}, Kubernetes ${target.kubernetes})`
      : `${target.driver}, which is ${target.state}`;
  const rows = components.map(({ name, state, ready, release, namespace: own, revision, message }) => [
    name,
    state,
    ready ? 'yes' : 'no',
    release,
    own,
    revision === 0 ? '' : String(revision),
    message,
  ]);
  const columns = ['COMPONENT', 'STATE', 'READY', 'RELEASE', 'NAMESPACE', 'REV', 'MESSAGE'].map((title) => ({
    title,
  }));
  const lines = [`Flavour ${flavour} in namespace ${namespace} on ${where}.`];
  if (target.simulated) lines.push('Pods are simulated: nothing runs in them.');
  lines.push('', renderTable(columns, rows, { width: process.stdout.columns }).trimEnd());
  if (leftover.length > 0)
    lines.push(
      '',
      `No longer in the flavour: ${leftover.join(', ')}. \`datamill up${sameFlags(options)} --prune\` removes them.`,
    );
  if (components.some(({ state, ready }) => state !== 'deployed' || !ready))
    lines.push(
      '',
      `\`datamill plan${sameFlags(options)}\` says what would be done, \`datamill up${sameFlags(options)}\` does it.`,
    );
  return `${lines.join('\n')}\n`;
}
