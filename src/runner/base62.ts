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
