import type { CheckCounts, SummaryEvent } from '../actions/events.ts';
import { redact } from '../util/redact.ts';
import { nameCommands } from './program.ts';
import { createStyle } from './style.ts';
import { renderTable } from './table.ts';

export interface SummaryComponent {
  name: string;
  /** `installed`, `upgraded`, `unchanged`, `removed`, `failed`, `skipped`, or any other word. */
  state: string;
  release: string;
  namespace: string;
  seconds?: number;
  /** Why it failed or was skipped. */
  message?: string;
}

export interface SummaryLink {
  component: string;
  name: string;
  url: string;
}

export interface SummaryInput {
  components: SummaryComponent[];
  links?: SummaryLink[];
  result?: SummaryEvent;
  simulated?: boolean;
  /** Commands to go on with, with or without a word on what they do. */
  next?: (string | { command: string; about: string })[];
}

export interface SummaryOptions {
  color?: boolean;
  /** Columns of the terminal. */
  width?: number;
}

/** What stands on the screen at the end of `up` and `down`, every line ended. */
export function renderSummary(input: SummaryInput, options: SummaryOptions = {}): string {
  const parts = [
    components(input.components, options),
    failures(input.components, options),
    links(input.links ?? [], options),
    simulated(input, options),
    next(input.next ?? [], options),
    input.result === undefined ? '' : `${resultWords(input.result)}\n`,
  ];
  return redact(parts.filter((part) => part !== '').join('\n'));
}

function components(list: SummaryComponent[], { color = false, width }: SummaryOptions): string {
  if (list.length === 0) return '';
  const style = createStyle(color);
  const paintState = (cell: string, row: number) => {
    const state = list[row]?.state;
    if (state === 'failed') return style.red(cell);
    return state === 'skipped' ? style.yellow(cell) : style.green(cell);
  };
  const columns = [
    { title: 'COMPONENT' },
    { title: 'STATE', shrink: false, paint: paintState },
    { title: 'RELEASE' },
    { title: 'NAMESPACE' },
    { title: 'TIME', align: 'right' as const, shrink: false },
  ];
  const rows = list.map((one) => [one.name, one.state, one.release, one.namespace, duration(one.seconds)]);
  return renderTable(columns, rows, { width, style });
}

function failures(list: SummaryComponent[], { color = false }: SummaryOptions): string {
  const style = createStyle(color);
  const told = list.filter(
    (one) => (one.state === 'failed' || one.state === 'skipped') && (one.message ?? '') !== '',
  );
  return told
    .map(
      (one) =>
        `${(one.state === 'failed' ? style.red : style.yellow)(`${one.name} ${one.state}`)}: ${one.message}\n`,
    )
    .join('');
}

function links(list: SummaryLink[], { color = false, width }: SummaryOptions): string {
  if (list.length === 0) return '';
  const style = createStyle(color);
  // An address that is cut cannot be clicked.
  const columns = [{ title: 'LINK' }, { title: '' }, { title: 'ADDRESS', shrink: false, paint: style.cyan }];
  return renderTable(
    columns,
    list.map((link) => [link.component, link.name, link.url]),
    { width, style },
  );
}

function simulated(input: SummaryInput, { color = false }: SummaryOptions): string {
  if (input.simulated !== true && input.result?.simulated !== true) return '';
  const style = createStyle(color);
  return `${style.yellow('The pods are simulated: the API server is real, but nothing runs in the cluster.')}\n`;
}

function next(
  commands: (string | { command: string; about: string })[],
  { color = false }: SummaryOptions,
): string {
  if (commands.length === 0) return '';
  const style = createStyle(color);
  const all = commands
    .map((one) => (typeof one === 'string' ? { command: one, about: '' } : one))
    .map(({ command, about }) => ({ command: nameCommands(command), about }));
  const width = Math.max(...all.map((one) => one.command.length));
  const lines = all.map(({ command, about }) =>
    about === '' ? `  ${command}` : `  ${command.padEnd(width)}  ${style.dim(about)}`,
  );
  return ['Next:', ...lines].map((line) => `${line}\n`).join('');
}

function resultWords(result: SummaryEvent): string {
  const counts = (['installed', 'upgraded', 'unchanged', 'removed', 'failed', 'skipped'] as const)
    .filter((key) => result[key] > 0)
    .map((key) => `${result[key]} ${key}`);
  const outcome = { ok: 'Done', failed: 'Failed', interrupted: 'Interrupted' }[result.result];
  const work = counts.length === 0 ? ', nothing to do' : `: ${counts.join(', ')}`;
  const checks = result.checks === undefined ? '' : `; checks: ${countWords(result.checks)}`;
  return `${outcome} in ${duration(result.seconds)}${work}${checks}.`;
}

/** 2 passed, 1 failed */
export function countWords(counts: CheckCounts): string {
  const parts = (['passed', 'failed', 'skipped'] as const)
    .filter((key) => counts[key] > 0)
    .map((key) => `${counts[key]} ${key}`);
  return parts.length === 0 ? 'none to make' : parts.join(', ');
}

/** Seconds for people: 0.8 s, 21 s, 2 min 5 s. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
