import { type PlanResult, plan } from '../actions/plan.ts';
import { ExitCode } from '../errors.ts';
import { renderChanges } from '../plan/diff.ts';
import { shellWords } from '../util/shell.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill plan`, and `datamill up --dry-run` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  const result = await plan(actionOptions(options, io.warn));
  const { steps, summary, target } = result;
  await io.document({ steps, summary, target }, () => text(result, options));
  const differs = steps.some(({ action }) => action !== 'none');
  return options.exitCode && differs ? ExitCode.difference : ExitCode.done;
}

const SIGNS = {
  install: '+',
  upgrade: '~',
  reapply: '!',
  none: '=',
  uninstall: '-',
  adopt: '?',
  repair: '!',
} as const;

function text({ steps, summary, target }: PlanResult, options: CommandOptions): string {
  const { style, color } = options.io;
  const lines: string[] = [];
  if (target.commands.length > 0) {
    lines.push(
      `The ${target.driver} target is ${target.state}; \`up\` would run:`,
      ...target.steps.flatMap(({ command, input }) => commandLines(command, input)),
      ...target.costs.map((cost) => `  paid for: ${cost}`),
      '',
    );
  }
  for (const { component, action, reason, changes } of steps) {
    const line = `${SIGNS[action]} ${component}: ${action === 'none' ? 'unchanged' : `${action} (${reason})`}`;
    lines.push(action === 'none' ? style.dim(line) : style.bold(line));
    if (changes.length > 0 && action === 'install') lines.push(...objectList(changes));
    else if (changes.length > 0) lines.push(indent(renderChanges(changes, { color })));
  }
  const parts = Object.entries(summary)
    .filter(([, number]) => number > 0)
    .map(([action, number]) => `${number} ${action === 'none' ? 'unchanged' : `to ${action}`}`);
  lines.push('', `Plan: ${parts.join(', ') || 'nothing to do'}.`);
  const work = steps.some(({ action }) => action !== 'none');
  if (work)
    lines.push(
      `\`datamill up${sameFlags(options)}\` carries it out${summary.uninstall > 0 ? ' (with --prune also the removals)' : ''}.`,
    );
  return `${lines.join('\n')}\n`;
}

/** As it would be typed; what it reads stands below it. */
function commandLines(command: readonly string[], input?: string): string[] {
  const line = `  ${shellWords(command)}`;
  if (input === undefined) return [line];
  return [
    `${line} <<'END'`,
    ...input
      .trimEnd()
      .split('\n')
      .map((text) => `  ${text}`),
    '  END',
  ];
}

function objectList(changes: PlanResult['steps'][number]['changes']): string[] {
  return changes.map(
    ({ kind, name, namespace }) =>
      `    + ${kind}/${name}${namespace === undefined ? '' : ` in ${namespace}`}`,
  );
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : `    ${line}`))
    .join('\n')
    .trimEnd();
}
