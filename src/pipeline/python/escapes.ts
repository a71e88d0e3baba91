const SIMPLE: Record<string, string> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const ESCAPE = /\\(\r\n|[\n\r]|[0-7]{1,3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[\\'"abfnrtv])/g;

/** The text that a string literal, given with prefix and quotes, stands for. */
export function textOf(literal: string): string {
  const [, letters = '', quotes = ''] = /^([a-zA-Z]*)("""|'''|"|')/.exec(literal) ?? [];
  const body = literal.slice(letters.length + quotes.length, literal.length - quotes.length);
  const raw = /r/i.test(letters);
  const text = raw ? body : body.replace(ESCAPE, (_, code: string) => one(code));
  return /[ft]/i.test(letters) ? text.replaceAll('{{', '{').replaceAll('}}', '}') : text;
}

function one(code: string): string {
  const simple = SIMPLE[code];
  if (simple !== undefined) return simple;
  if (/^[\r\n]/.test(code)) return '';
  if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
  const point = Number.parseInt(code.slice(1), 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
}
