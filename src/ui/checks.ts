import type { CheckResult } from '../actions/checks.ts';
import { redact } from '../util/redact.ts';
import type { Style } from './style.ts';
import { duration } from './summary.ts';
import { renderTable } from './table.ts';

/** Every check with what came back, one line each, and in full why some failed. */
export function renderChecks(
  checks: readonly CheckResult[],
  { style, width }: { style: Style; width?: number },
): string {
  if (checks.length === 0) return '';
  const columns = [
    { title: 'COMPONENT' },
    { title: 'CHECK' },
    {
      title: 'RESULT',
      shrink: false,
      paint: (cell: string, row: number) => colour(checks[row]!, style)(cell),
    },
    { title: 'TIME', align: 'right' as const, shrink: false },
    { title: 'WHAT CAME BACK' },
  ];
  const rows = checks.map(({ component, name, result, seconds, message }) => [
    component,
    name,
    result,
    result === 'skipped' ? '' : duration(seconds),
    result === 'failed' ? message.split('\n')[0]! : message.replaceAll('\n', '; '),
  ]);
  return `${redact(renderTable(columns, rows, { width, style }))}${renderFailedChecks(checks, style)}`;
}

/** Per failed check: why, with the last lines of a Job. */
export function renderFailedChecks(checks: readonly CheckResult[], style: Style): string {
  return checks
    .filter(({ result }) => result === 'failed')
    .map(({ component, name, seconds, message }) => {
      const [first, ...rest] = message.split('\n');
      const after = seconds > 0 ? ` after ${duration(seconds)}` : '';
      const head = style.red(`${component}: the check ${name} failed${after}: ${first}`);
      return redact(`\n${[head, ...rest.map((line) => style.dim(`  ${line}`))].join('\n')}\n`);
    })
    .join('');
}

function colour({ result }: CheckResult, style: Style): (text: string) => string {
  return { passed: style.green, failed: style.red, skipped: style.yellow }[result];
}
