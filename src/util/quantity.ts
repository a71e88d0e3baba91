const factors: Record<string, number> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/**
 * A Kubernetes quantity ("250m", "16Gi", "1.5", "2e3", or a number) as a plain number: CPUs,
 * bytes or pieces. Format: k8s.io/apimachinery, pkg/api/resource.
 *
 * @returns undefined when the text is no quantity.
 */
export function parseQuantity(quantity: unknown): number | undefined {
  if (typeof quantity === 'number') return Number.isFinite(quantity) ? quantity : undefined;
  if (typeof quantity !== 'string') return undefined;
  const match = pattern.exec(quantity);
  if (match === null) return undefined;
  const [, digits, exponent, suffix] = match;
  // Through the text, as 100 * 1e-3 and the like would leave a rounding error.
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  const factor = factors[suffix ?? ''] ?? 1;
  return factor < 1 ? Number(digits) / Math.round(1 / factor) : Number(digits) * factor;
}

/** CPUs for people: 8 gives "8", 0.25 gives "250m". */
export function formatCpu(cpus: number): string {
  if (cpus !== 0 && Math.abs(cpus) < 1) return `${trim(cpus * 1000)}m`;
  return trim(cpus);
}

/** Bytes for people: 17179869184 gives "16 GiB". */
export function formatMemory(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${trim(value)} ${units[unit]}`;
}

function trim(value: number): string {
  const rounded = Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1));
  return String(rounded);
}
