const units: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };
const part = /(\d+(?:\.\d+)?)(ms|[dhms])/gy;

/**
 * A span of time as people and Kubernetes write it: `10m`, `1h30m`, `2d`, `90s`.
 *
 * @returns seconds; undefined when the text is no such span.
 */
export function parseDuration(text: string): number | undefined {
  let seconds = 0;
  part.lastIndex = 0;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return undefined;
    seconds += Number(match[1]) * units[match[2]!]!;
  }
  return text === '' ? undefined : seconds;
}

/** Seconds for people: 5400 gives `1h30m`, 0.4 gives `0s`. */
export function formatDuration(seconds: number): string {
  let left = Math.round(seconds);
  const parts = (['d', 'h', 'm', 's'] as const).flatMap((unit) => {
    const count = Math.floor(left / units[unit]!);
    left -= count * units[unit]!;
    return count === 0 ? [] : [`${count}${unit}`];
  });
  return parts.slice(0, 2).join('') || '0s';
}
