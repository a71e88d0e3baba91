import type { DagTask } from './workflow.ts';

/** Tasks that go into one object. */
export interface Part {
  tasks: DagTask[];
  /** Indexes of the parts that must end before this one begins. */
  needs: number[];
}

/** Bytes of a task in JSON, with the comma behind it. */
function taskBytes(task: DagTask): number {
  return Buffer.byteLength(JSON.stringify(task)) + 1;
}

/**
 * Cuts a graph into parts of at most so many bytes. Tasks that hang together stay together where
 * they can; a part begins when the parts that it needs have ended.
 *
 * @param tasks each after what it needs.
 * @returns undefined when a single task is larger.
 */
export function splitTasks(tasks: readonly DagTask[], bytes: number): Part[] | undefined {
  const ordered = byComponent(tasks);
  const parts: Part[] = [];
  const partOf = new Map<string, number>();
  let size = Number.POSITIVE_INFINITY;
  for (const task of ordered) {
    const own = taskBytes(task);
    if (own > bytes) return undefined;
    if (size + own > bytes) {
      parts.push({ tasks: [], needs: [] });
      size = 0;
    }
    const index = parts.length - 1;
    const part = parts[index]!;
    const inside = (task.dependencies ?? []).filter((name) => partOf.get(name) === index);
    const outside = (task.dependencies ?? [])
      .map((name) => partOf.get(name)!)
      .filter((other) => other !== index);
    part.needs = [...new Set([...part.needs, ...outside])].sort((a, b) => a - b);
    const { dependencies: _, ...rest } = task;
    part.tasks.push(inside.length === 0 ? rest : { ...rest, dependencies: inside });
    partOf.set(task.name, index);
    size += own;
  }
  return parts;
}

/** Tasks in the same order, but those that hang together next to each other. */
function byComponent(tasks: readonly DagTask[]): DagTask[] {
  const parent = new Map(tasks.map(({ name }) => [name, name]));
  const find = (name: string): string => {
    let root = name;
    while (parent.get(root) !== root) root = parent.get(root)!;
    for (let at = name; at !== root; ) {
      const next = parent.get(at)!;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { name, dependencies = [] } of tasks)
    for (const other of dependencies) parent.set(find(name), find(other));
  const components = new Map<string, DagTask[]>();
  for (const task of tasks) {
    const root = find(task.name);
    const list = components.get(root);
    if (list === undefined) components.set(root, [task]);
    else list.push(task);
  }
  return [...components.values()].flat();
}
