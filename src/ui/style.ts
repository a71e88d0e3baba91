export interface Style {
  color: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export interface ColorWish {
  /** False after `--no-color`. */
  flag?: boolean;
  /** Whether the stream is a terminal. */
  tty: boolean;
  env?: NodeJS.ProcessEnv;
}

/**
 * Whether to write colours: `--no-color`, then NO_COLOR (no-color.org), then FORCE_COLOR, then
 * whether there is a terminal that can show them.
 */
export function wantsColor({ flag, tty, env = process.env }: ColorWish): boolean {
  if (flag === false) return false;
  if ((env.NO_COLOR ?? '') !== '') return false;
  const force = env.FORCE_COLOR ?? '';
  if (force !== '') return force !== '0' && force !== 'false';
  return tty && env.TERM !== 'dumb';
}

export function createStyle(color: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    color && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    color,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
