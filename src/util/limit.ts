/** Runs at most `size` of the tasks given to it at once, in the order in which they come. */
export function limiter(size: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = size;
  const queue: Array<() => void> = [];
  return async (task) => {
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free--;
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
