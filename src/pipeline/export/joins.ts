import { createHash } from 'node:crypto';
import type { DagTask, Template } from './workflow.ts';

/** A set of dependencies that is named once is worth a task of its own from this size on. */
const LEAST = 4;

/** A task that does nothing and needs no pod. */
export const JOIN_TEMPLATE: Template = { name: 'join', suspend: { duration: '0' } };

interface Group {
  dependencies: string[];
  members: DagTask[];
}

/**
 * Makes a graph smaller in which many tasks need the same many others: they need one task instead
 * that waits for all of these, and runs nothing. What starts when stays as it was.
 */
export function shareDependencies(tasks: readonly DagTask[]): { tasks: DagTask[]; joined: boolean } {
  const groups = new Map<string, Group>();
  for (const task of tasks) {
    const { dependencies = [] } = task;
    if (dependencies.length < LEAST) continue;
    const key = dependencies.join(' ');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { dependencies, members: [task] });
    else group.members.push(task);
  }
  const taken = new Set(tasks.map(({ name }) => name));
  const joins = new Map<string, DagTask>();
  for (const [key, { dependencies, members }] of groups) {
    if (members.length < 2) continue;
    const join: DagTask = {
      name: joinName(key, taken),
      template: 'join',
      dependencies,
      arguments: { parameters: [] },
    };
    joins.set(key, join);
  }
  if (joins.size === 0) return { tasks: [...tasks], joined: false };
  const placed = new Set<string>();
  const result: DagTask[] = [];
  for (const task of tasks) {
    const join = joins.get((task.dependencies ?? []).join(' '));
    if (join === undefined) {
      result.push(task);
      continue;
    }
    if (!placed.has(join.name)) result.push(join);
    placed.add(join.name);
    result.push({ ...task, dependencies: [join.name] });
  }
  return { tasks: result, joined: true };
}

function joinName(key: string, taken: Set<string>): string {
  const digest = createHash('sha256').update(key).digest('hex');
  for (let digits = 8; ; digits += 1) {
    const name = `join-${digest.slice(0, digits)}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}
