import type { Traffic } from '../actions/tunnel.ts';
import type { Style } from './style.ts';

/** `4.2 MB` */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** The line that says how a tunnel is. */
export function statusLine(state: string, address: string, traffic: Traffic, style: Style): string {
  const paint = state === 'ready' ? style.green : style.yellow;
  const { open, total, received, sent, lastError } = traffic;
  return [
    paint(state),
    address,
    `${open} open, ${total} in all`,
    `${bytes(received)} in, ${bytes(sent)} out`,
    ...(lastError === undefined ? [] : [style.red(`last error: ${lastError}`)]),
  ].join('  ');
}
