import type { ScalarTag } from 'yaml';
import { type ParsedDocument, parseYaml } from '../config/document.ts';
import { readDocument } from '../config/read.ts';
import type { Location } from '../errors.ts';
import { PyFloat, PyOther } from './values.ts';

/** Plain scalars as PyYAML reads them: YAML 1.1 with the resolvers of its `resolver.py`. */
const scalars: ScalarTag[] = [
  scalar('null', /^(?:~|null|Null|NULL|)$/, () => null),
  scalar('bool', /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/, (text) =>
    /^(?:yes|true|on)$/i.test(text),
  ),
  scalar('int', /^[-+]?(?:0b[01_]+|0[0-7_]+|0x[\da-fA-F_]+|0|[1-9][\d_]*(?::[0-5]?\d)*)$/, whole),
  scalar(
    'float',
    /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    (text) => new PyFloat(real(text)),
  ),
  scalar(
    'timestamp',
    /^(?:\d{4}-\d{2}-\d{2}|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d{2}:\d{2}(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d{2})?))?)$/,
    (text) => new PyOther('date', timestamp(text)),
  ),
  { tag: 'tag:yaml.org,2002:str', default: true, resolve: (text: string) => text },
];

/** The path of a mapping or list and its keys; a document of a pipeline as Ploomber reads it. */
export function readPipelineDocument(file: string, what: string, from?: Location): ParsedDocument {
  return readDocument(file, what, from, scalars);
}

/** The same for text that is there already. */
export function parsePipelineText(text: string, file: string): ParsedDocument {
  return parseYaml(text, file, scalars);
}

function scalar(name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, default: true, test, resolve };
}

function whole(text: string): number | bigint {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '');
  let value: bigint;
  if (digits.includes(':')) value = digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  else if (/^0[0-7]+$/.test(digits)) value = BigInt(`0o${digits.slice(1)}`);
  else value = BigInt(digits);
  const signed = negative ? -value : value;
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

function real(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '').toLowerCase();
  if (digits === '.inf') return sign * Number.POSITIVE_INFINITY;
  if (digits === '.nan') return Number.NaN;
  return sign * digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** As `str()` of a Python date or datetime. */
function timestamp(text: string): string {
  const parts =
    /^(\d+)-(\d+)-(\d+)(?:(?:[Tt]|[ \t]+)(\d+):(\d+):(\d+)(?:\.(\d*))?[ \t]*(Z|[-+]\d+(?::\d+)?)?)?$/.exec(
      text,
    );
  if (parts === null) return text;
  const [, year, month = '', day = '', hour, minute, second, fraction = '', zone = ''] = parts;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (hour === undefined) return date;
  const micro =
    Number(fraction.padEnd(6, '0').slice(0, 6)) === 0 ? '' : `.${fraction.padEnd(6, '0').slice(0, 6)}`;
  const [, sign = '', hours = '', minutes = '00'] = /^([-+])(\d+)(?::(\d+))?$/.exec(zone) ?? [];
  const offset = zone === 'Z' ? '+00:00' : zone === '' ? '' : `${sign}${hours.padStart(2, '0')}:${minutes}`;
  return `${date} ${hour.padStart(2, '0')}:${minute}:${second}${micro}${offset}`;
}
