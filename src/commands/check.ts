import { type CheckReport, check } from '../actions/check.ts';
import { countChecks } from '../actions/checks.ts';
import { ExitCode, refusedError } from '../errors.ts';
import { renderChecks } from '../ui/checks.ts';
import { countWords } from '../ui/summary.ts';
import { detectReal } from './real.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill check` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  const report = io.output === 'text' ? io.progress() : io.warn;
  const result = await check(actionOptions(options, report));
  await io.document({ checks: result.checks }, () => text(result, options));
  if (result.simulated && result.checks.length > 0) throw await nothingRuns();
  return result.checks.some((one) => one.result === 'failed') ? ExitCode.failed : ExitCode.done;
}

async function nothingRuns() {
  const real = await detectReal();
  return refusedError('SIMULATED', 'the pods of this target are simulated: nothing in it can be used', {
    hint: `check a real cluster: \`datamill check ${real.flags}\` (${real.about})`,
  });
}

function text({ namespace, checks, unchecked }: CheckReport, options: CommandOptions): string {
  const { style } = options.io;
  const parts = [renderChecks(checks, { style, width: process.stdout.columns })];
  if (unchecked.length > 0) parts.push(`No checks are declared by ${unchecked.join(', ')}.\n`);
  const flags = sameFlags(options);
  if (checks.some(({ message }) => message === 'it is not installed'))
    parts.push(`\`datamill up${flags}\` installs what is missing in namespace ${namespace}.\n`);
  else if (checks.some(({ result }) => result === 'failed'))
    parts.push(`\`datamill status${flags}\` says how the components are.\n`);
  if (checks.length > 0) parts.push(`Checks: ${countWords(countChecks(checks))}.\n`);
  return parts.filter((part) => part !== '').join('\n');
}
