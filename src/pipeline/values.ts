/**
 * Values as Python has them, where JavaScript has no counterpart: names and paths are rendered from
 * them, and `1.0` must not become `1` on the way. Maps are plain objects, `None` is null, integers
 * are numbers (or bigints), everything else is as it is.
 */
export type PyValue =
  | null
  | boolean
  | string
  | number
  | bigint
  | PyFloat
  | PyOther
  | PySequence
  | PyValue[]
  | { [key: string]: PyValue };

/** A floating point number. */
export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A value that is only ever printed: a date, bytes. */
export class PyOther {
  readonly kind: 'date' | 'bytes';
  readonly text: string;
  constructor(kind: 'date' | 'bytes', text: string) {
    this.kind = kind;
    this.text = text;
  }
}

/** A tuple or a set; lists are arrays. */
export class PySequence {
  readonly kind: 'tuple' | 'set';
  readonly items: PyValue[];
  constructor(kind: 'tuple' | 'set', items: PyValue[]) {
    this.kind = kind;
    this.items = items;
  }
}

export type PyMap = { [key: string]: PyValue };

export function isMap(value: unknown): value is PyMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof PyFloat) &&
    !(value instanceof PyOther) &&
    !(value instanceof PySequence)
  );
}

/** `str(value)` */
export function pyStr(value: PyValue): string {
  return typeof value === 'string' ? value : pyRepr(value);
}

/** `repr(value)` */
export function pyRepr(value: PyValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof PyFloat) return floatRepr(value.value);
  if (value instanceof PyOther) return value.text;
  if (Array.isArray(value)) return `[${value.map(pyRepr).join(', ')}]`;
  if (value instanceof PySequence) return sequenceRepr(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${quote(key)}: ${pyRepr(item)}`)
    .join(', ')}}`;
}

function sequenceRepr({ kind, items }: PySequence): string {
  const inside = items.map(pyRepr).join(', ');
  if (kind === 'tuple') return `(${inside}${items.length === 1 ? ',' : ''})`;
  return items.length === 0 ? 'set()' : `{${inside}}`;
}

/** Python quotes with single quotes, unless only they occur in the text. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text
    .replaceAll('\\', '\\\\')
    .replaceAll(mark, `\\${mark}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `${mark}${body}${mark}`;
}

/** The shortest digits that give the number back, as both languages print them; the form differs. */
function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain = exponent < 0 ? value.toFixed(-exponent + Math.max(0, digits.length - 2)) : String(value);
  return /[.]/.test(plain) ? plain.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '.0') : `${plain}.0`;
}

/** The value as JSON has it: floats are numbers, tuples and sets are lists, dates are texts. */
export function toJson(value: PyValue): unknown {
  if (value instanceof PyFloat) return value.value;
  if (value instanceof PyOther) return value.text;
  if (value instanceof PySequence) return value.items.map(toJson);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (isMap(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  return value;
}
