import { evaluate, tokenize } from '../python/index.ts';

/** What stands behind the marker of a cell: `tags=["parameters"]`, `{"tags": ["parameters"]}`, … */
export type Metadata = Record<string, unknown>;

const IDENTIFIER = /^[a-zA-Z_.]+[a-zA-Z0-9_.]*$/;
const KEY = /^[a-zA-Z0-9_.@/-]+$/;

/** The metadata of a marker of the percent and light formats; a title may stand before it. */
export function readMetadata(options: string): Metadata {
  const text = options.trim();
  const brace = text.indexOf('{');
  const equals = text.indexOf('=');
  if (brace >= 0 && !(equals >= 0 && equals < brace)) {
    const value = loose(text.slice(brace));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metadata) : {};
  }
  const words = (equals >= 0 ? text.slice(0, equals) : text).split(' ');
  if (equals >= 0) {
    while (words.length > 0 && words.at(-1) === '') words.pop();
    words.pop();
  }
  while (words.length > 0 && (words.at(-1)!.trim() === '' || words.at(-1)!.startsWith('.'))) words.pop();
  return pairs(text.slice(words.join(' ').length));
}

/** `a=1 b="two"`, read from the right, as a value may hold blanks and equals signs. */
function pairs(options: string): Metadata {
  const text = options.trim();
  if (text === '') return {};
  const word = text.slice(text.lastIndexOf(' ') + 1);
  if (!text.startsWith('--') && IDENTIFIER.test(word))
    return { ...pairs(text.slice(0, text.length - word.length)), [word]: null };
  for (let at = text.lastIndexOf('='); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('=', at - 1)) {
    const before = text.slice(0, at).trimEnd();
    const blank = before.lastIndexOf(' ');
    const key = before.slice(blank + 1).trim();
    const value = KEY.test(key) ? loose(text.slice(at + 1)) : undefined;
    if (value === undefined) continue;
    return { ...(blank > 0 ? pairs(text.slice(0, blank)) : {}), [key]: value };
  }
  return {};
}

/** JSON, or a constant of Python. */
function loose(text: string): unknown {
  try {
    return JSON.parse(text.trim());
  } catch {
    return constant(text.trim());
  }
}

function constant(text: string): unknown {
  try {
    const tokens = tokenize(text, (_, message) => new Error(message) as never);
    return evaluate(tokens.filter(({ type }) => type !== 'newline' && type !== 'end'));
  } catch {
    return undefined;
  }
}

/** The options of a chunk of R Markdown or knitr: `r name, tags=c("parameters"), echo=FALSE`. */
export function readChunkOptions(options: string): { language: string; metadata: Metadata } {
  const [, language = '', rest = ''] = /^([^\s,]*)[\s,]?([\s\S]*)$/.exec(options) ?? [];
  const metadata: Metadata = {};
  for (const [index, [name, value]] of splitOptions(rest.replace(/^[ ,]+/, '')).entries()) {
    if (index === 0 && name === '') metadata.name = value;
    else metadata[name] = optionValue(value);
  }
  return { language, metadata };
}

function optionValue(value: string): unknown {
  if (value === 'TRUE' || value === 'T') return true;
  if (value === 'FALSE' || value === 'F') return false;
  if (/^(["']).*\1$/.test(value)) return value.slice(1, -1);
  const list = /^(?:c|list)\((.*)\)$/.exec(value)?.[1];
  return constant(list === undefined ? value : `[${list}]`);
}

/** Pairs of name and value, split at commas and equals signs outside of brackets and quotes. */
function splitOptions(line: string): Array<[string, string]> {
  const result: Array<[string, string]> = [];
  let [name, value, depth, quote] = ['', '', 0, ''];
  const flush = () => {
    if (name !== '' || value !== '') result.push([name.trim(), value.trim()]);
    [name, value] = ['', ''];
  };
  let previous = '';
  for (const char of line) {
    if (quote !== '') quote = char === quote && previous !== '\\' ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth -= 1;
    previous = char;
    const outside = depth === 0 && quote === '';
    if (outside && char === ',') flush();
    else if (outside && char === '=' && name === '') [name, value] = [value, ''];
    else value += char;
  }
  flush();
  return result;
}

/** Whether a cell is tagged as the one of the parameters; only a list of tags counts. */
export function isParameters(metadata: Metadata): boolean {
  return Array.isArray(metadata.tags) && metadata.tags.includes('parameters');
}
