const factors: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };
const pattern = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?\s*$/i;

/**
 * A number of bytes as StudioML writes it: `3gb`, `2g` (SI), `4GiB`, `4Gi` (IEC), or a number.
 *
 * @returns bytes; undefined when the text is no size.
 */
export function parseSize(size: unknown): number | undefined {
  if (typeof size === 'number') return Number.isFinite(size) && size >= 0 ? Math.round(size) : undefined;
  if (typeof size !== 'string') return undefined;
  const match = pattern.exec(size);
  if (match === null) return undefined;
  const [, digits, unit = '', binary] = match;
  const factor = factors[unit.toLowerCase()]!;
  const power = Math.round(Math.log10(factor) / 3);
  return Math.round(Number(digits) * (binary === '' ? factor : 1024 ** power));
}
