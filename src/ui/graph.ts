import type { Style } from './style.ts';

interface GraphTask {
  name: string;
  class: string;
  upstream: Array<{ task: string }>;
}

/** Tasks by levels, each with what it needs. */
export function drawLevels(
  project: { name: string; tasks: readonly GraphTask[] },
  levels: ReadonlyArray<readonly GraphTask[]>,
  style: Style,
): string {
  const { tasks } = project;
  const edges = tasks.reduce((sum, { upstream }) => sum + upstream.length, 0);
  const lines = [
    `${style.bold(project.name)}: ${count(tasks.length, 'task')}, ${count(edges, 'dependency', 'dependencies')}, ${count(levels.length, 'step')}`,
  ];
  for (const [index, level] of levels.entries()) {
    lines.push(
      '',
      style.dim(`step ${index + 1}${level.length > 1 ? `: ${level.length} tasks at once` : ''}`),
    );
    for (const task of level) {
      const needs =
        task.upstream.length === 0
          ? ''
          : ` ${style.dim('<-')} ${shortened(task.upstream.map((edge) => edge.task))}`;
      lines.push(`  ${style.bold(task.name)} ${style.dim(`(${task.class})`)}${needs}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function count(number: number, word: string, words = `${word}s`): string {
  return `${number} ${number === 1 ? word : words}`;
}

function shortened(names: string[]): string {
  return names.length <= 12
    ? names.join(', ')
    : `${names.slice(0, 10).join(', ')} and ${names.length - 10} more`;
}

/** The graph in the language of Mermaid. */
export function drawMermaid(tasks: readonly GraphTask[]): string {
  const ids = new Map(tasks.map(({ name }, index) => [name, `t${index}`]));
  const nodes = tasks.map(
    ({ name }) => `  ${ids.get(name)}["${name.replace(/["&<>]/g, (char) => `#${char.charCodeAt(0)};`)}"]`,
  );
  const edges = tasks.flatMap(({ name, upstream }) =>
    upstream.map(({ task }) => `  ${ids.get(task)} --> ${ids.get(name)}`),
  );
  return ['flowchart TD', ...nodes, ...edges, ''].join('\n');
}

/** The graph in the language of Graphviz. */
export function drawDot(title: string, tasks: readonly GraphTask[]): string {
  const quote = (text: string) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
  const nodes = tasks.map(({ name }) => `  ${quote(name)};`);
  const edges = tasks.flatMap(({ name, upstream }) =>
    upstream.map(({ task }) => `  ${quote(task)} -> ${quote(name)};`),
  );
  return [`digraph ${quote(title)} {`, ...nodes, ...edges, '}', ''].join('\n');
}
