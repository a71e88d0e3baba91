/** The candidate that is most like a word, as Python's `difflib.get_close_matches` finds it. */
export function closeMatch(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({
      candidate,
      score: (2 * matching(candidate, word)) / (candidate.length + word.length),
    }))
    .filter(({ score }) => score >= 0.6)
    .sort((a, b) => b.score - a.score);
  return scored[0]?.candidate;
}

/** Characters in common: the longest block, and those to its left and right. */
function matching(a: string, b: string): number {
  let best = { a: 0, b: 0, size: 0 };
  for (let i = 0; i < a.length; i += 1) {
    for (let j = 0; j < b.length; j += 1) {
      let size = 0;
      while (i + size < a.length && j + size < b.length && a[i + size] === b[j + size]) size += 1;
      if (size > best.size) best = { a: i, b: j, size };
    }
  }
  if (best.size === 0) return 0;
  return (
    matching(a.slice(0, best.a), b.slice(0, best.b)) +
    best.size +
    matching(a.slice(best.a + best.size), b.slice(best.b + best.size))
  );
}
