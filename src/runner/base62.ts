const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A whole number in base 62, as names of metadata files hold the seconds since 1970: 1541618418 is `1gKTNC`. */
export function toBase62(value: number): string {
  let text = '';
  let left = Math.floor(value);
  do {
    text = DIGITS[left % 62]! + text;
    left = Math.floor(left / 62);
  } while (left > 0);
  return text;
}

/** The number that a text in base 62 stands for; NaN when it is none. */
export function fromBase62(text: string): number {
  let value = 0;
  for (const digit of text)
    value = value * 62 + (DIGITS.includes(digit) ? DIGITS.indexOf(digit) : Number.NaN);
  return text === '' ? Number.NaN : value;
}
