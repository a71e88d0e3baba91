import { fnmatch } from './fnmatch.ts';
import type { Problems } from './problems.ts';
import { productText } from './spec/products.ts';
import type { OpenTask } from './tasks.ts';
import type { Edge, Task } from './types.ts';

/** Looks up the names that tasks ask for; what is wrong is collected. */
export function link(open: readonly OpenTask[], problems: Problems): Task[] {
  const names = new Set<string>();
  for (const { name, at } of open) {
    if (names.has(name))
      problems.add(
        'TASK_DUPLICATE',
        `there are two tasks with the name "${name}"`,
        at(),
        'give one of them another `name:`',
      );
    names.add(name);
  }
  const matching = matcher(names);
  const tasks = open.map(({ uses, declared, ...task }) => ({
    ...task,
    upstream: edges({ ...task, uses, declared }, names, matching, problems),
  }));
  if (problems.errors.length === 0) {
    checkCycle(tasks, problems);
    checkProducts(tasks, problems);
  }
  return tasks;
}

/** Many tasks may share a pattern, which then goes over all names once. */
function matcher(names: ReadonlySet<string>): (pattern: string) => string[] {
  const known = new Map<string, string[]>();
  return (pattern) => {
    let matches = known.get(pattern);
    if (matches === undefined) {
      matches = [...names].filter((name) => fnmatch(name, pattern));
      known.set(pattern, matches);
    }
    return matches;
  };
}

function edges(
  task: OpenTask,
  names: ReadonlySet<string>,
  matching: (pattern: string) => string[],
  problems: Problems,
): Edge[] {
  const found = new Map<string, Edge>();
  for (const { name, at } of task.uses) {
    if (!name.includes('*')) {
      if (names.has(name)) found.set(name, { task: name, via: task.declared ? 'declared' : 'literal' });
      else
        problems.add(
          'UPSTREAM_UNKNOWN',
          `"${task.name}" needs "${name}", but there is no such task`,
          at?.() ?? task.at(),
          `the tasks are ${shortList([...names])}`,
        );
      continue;
    }
    const matches = matching(name);
    for (const match of matches) found.set(match, { task: match, via: 'wildcard', pattern: name });
    if (matches.length === 0)
      problems.warn({
        code: 'UPSTREAM_NO_MATCH',
        message: `"${task.name}" needs "${name}", which matches no task`,
        task: task.name,
        at: at?.() ?? task.at(),
      });
  }
  return [...found.values()];
}

function shortList(names: string[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}

/** Tasks in an order in which each comes after what it needs, by levels: those of one can run at once. */
export function levels(tasks: readonly Task[]): Task[][] {
  const waiting = new Map(tasks.map((task) => [task.name, task.upstream.length]));
  const next = downstream(tasks);
  const result: Task[][] = [];
  for (let level = tasks.filter(({ upstream }) => upstream.length === 0); level.length > 0; ) {
    result.push(level);
    const ready: Task[] = [];
    for (const { name } of level) {
      for (const task of next.get(name) ?? []) {
        const left = waiting.get(task.name)! - 1;
        waiting.set(task.name, left);
        if (left === 0) ready.push(task);
      }
    }
    level = ready;
  }
  return result;
}

/** The tasks that need each task. */
function downstream(tasks: readonly Task[]): Map<string, Task[]> {
  const next = new Map<string, Task[]>();
  for (const task of tasks) {
    for (const { task: name } of task.upstream) {
      const list = next.get(name);
      if (list === undefined) next.set(name, [task]);
      else list.push(task);
    }
  }
  return next;
}

function checkCycle(tasks: readonly Task[], problems: Problems): void {
  const ordered = levels(tasks).flat();
  if (ordered.length === tasks.length) return;
  const done = new Set(ordered);
  const stuck = new Map(tasks.filter((task) => !done.has(task)).map((task) => [task.name, task]));
  // Everything stuck needs something stuck: going up long enough comes to a circle.
  const path: Task[] = [];
  let task = stuck.values().next().value!;
  while (!path.includes(task)) {
    path.push(task);
    task = stuck.get(task.upstream.find(({ task: name }) => stuck.has(name))!.task)!;
  }
  const circle = [...path.slice(path.indexOf(task)).map(({ name }) => name), task.name].reverse();
  const wild = task.upstream.find(
    ({ task: name, pattern }) => pattern !== undefined && stuck.has(name),
  )?.pattern;
  const shown = circle.length > 12 ? [...circle.slice(0, 6), '…', ...circle.slice(-5)] : circle;
  problems.add(
    'CYCLE',
    `tasks need each other in a circle: ${shown.join(' -> ')}`,
    task.at(),
    wild === undefined
      ? 'remove one of these dependencies'
      : `the pattern "${wild}" matches the task itself: make it narrower, or rename the task`,
  );
}

function checkProducts(tasks: readonly Task[], problems: Problems): void {
  const owners = new Map<string, Task>();
  for (const task of tasks) {
    for (const text of new Set(
      Object.values(task.products).map((product) => `${product.type} ${productText(product)}`),
    )) {
      const other = owners.get(text);
      if (other !== undefined)
        problems.add(
          'PRODUCT_DUPLICATE',
          `"${other.name}" and "${task.name}" both make ${text.slice(text.indexOf(' ') + 1)}`,
          task.at(),
          'give one of them another product',
        );
      owners.set(text, task);
    }
  }
  for (const task of tasks) {
    for (const product of Object.values(task.products)) {
      if (product.type !== 'file') continue;
      for (let at = product.path.lastIndexOf('/'); at > 0; at = product.path.lastIndexOf('/', at - 1)) {
        const outer = owners.get(`file ${product.path.slice(0, at)}`);
        if (outer !== undefined && outer !== task)
          problems.warn({
            code: 'PRODUCT_OVERLAP',
            message: `"${task.name}" makes ${product.path}, inside of what "${outer.name}" makes`,
            task: task.name,
            at: task.at(),
          });
      }
    }
  }
}
