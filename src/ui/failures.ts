import type { Failure } from '../actions/failure.ts';
import { redact } from '../util/redact.ts';
import type { Style } from './style.ts';

/** Per failed component: the objects and reasons, the last log lines, and the command to look further. */
export function renderFailures(failures: readonly Failure[], style: Style): string {
  return failures.map((failure) => redact(renderFailure(failure, style))).join('');
}

function renderFailure(
  { component, message, findings, logs, hint, commands }: Failure,
  style: Style,
): string {
  const lines = ['', style.red(`${component} failed: ${message}`)];
  for (const { object, reason, message: detail, container } of findings) {
    lines.push(
      `  ${object}${container === undefined ? '' : ` (${container})`}  ${style.yellow(reason)}  ${detail}`,
    );
  }
  for (const { container, lines: tail } of logs) {
    lines.push(style.dim(`  last lines of ${container}:`), ...tail.map((line) => style.dim(`    ${line}`)));
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  if (commands.length > 0) lines.push('  look further:', ...commands.map((command) => `    ${command}`));
  return `${lines.join('\n')}\n`;
}
