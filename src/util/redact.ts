import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Shorter values would hide half of every text. */
const shortest = 4;
const mask = '***';

export interface Redactor {
  /** From now on these values are hidden, in clear and as base64, URL and JSON write them. */
  add(...secrets: string[]): void;
  redact(text: string): string;
  /** Hides the values in what is piped through, also where a value is cut by the border of two chunks. */
  stream(): Transform;
}

/** Hides registered secrets in texts and streams. Values of fewer than 4 characters are not hidden. */
export function createRedactor(): Redactor {
  const needles = new Set<string>();
  return {
    add(...secrets) {
      for (const form of secrets.flatMap(formsOf)) {
        if (form.length >= shortest) needles.add(form);
      }
    },
    redact: (text) => hide(text, spans(text, needles)),
    stream: () => redactStream(needles),
  };
}

/** The one that everything which prints shares. */
const shared = createRedactor();

export function registerSecrets(...secrets: string[]): void {
  shared.add(...secrets);
}

export function redact(text: string): string {
  return shared.redact(text);
}

/** Words of our own formats: a secret that happens to be one of them must not break what reads them. */
const ownWords = new Set(['schema', 'time', 'type', 'component', 'phase', 'state', 'result', 'code']);

/** Hides secrets in the texts of a document that is to be written as JSON, which stays well-formed. */
export function redactDocument(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactDocument);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    ownWords.has(key) ? one : redactDocument(one),
  ]);
  return Object.fromEntries(entries);
}

function formsOf(secret: string): string[] {
  if (secret.length < shortest) return [];
  const url = encodeURIComponent(secret);
  const forms = [secret, url, url.replaceAll('%20', '+'), url.replace(/%../g, (code) => code.toLowerCase())];
  forms.push(JSON.stringify(secret).slice(1, -1), ...base64Forms(secret));
  // Keys of several lines are printed line by line, often indented.
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  if (lines.length > 1) forms.push(...lines.filter((line) => line.length >= 16));
  return forms;
}

/** Also as a part of something longer that was encoded as a whole, such as `user:password`. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const whole = bytes.toString('base64');
  const forms = [whole, whole.replace(/=+$/, ''), bytes.toString('base64url')];
  if (bytes.length < 8) return forms;
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const start = shift === 0 ? 0 : shift + 1;
    const rest = (shift + bytes.length) % 3;
    const core = encoded.slice(start, rest === 0 ? undefined : -1);
    forms.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

interface Span {
  start: number;
  end: number;
}

/** Where secrets stand; those that overlap are one, so that no rest of the second one is left over. */
function spans(text: string, needles: Iterable<string>): Span[] {
  const found: Span[] = [];
  for (const needle of needles) {
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + 1)) {
      found.push({ start: at, end: at + needle.length });
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const joined: Span[] = [];
  for (const span of found) {
    const last = joined.at(-1);
    if (last !== undefined && span.start < last.end) last.end = Math.max(last.end, span.end);
    else joined.push({ ...span });
  }
  return joined;
}

function hide(text: string, found: Span[]): string {
  let out = '';
  let from = 0;
  for (const { start, end } of found) {
    out += text.slice(from, start) + mask;
    from = end;
  }
  return out + text.slice(from);
}

function redactStream(needles: Set<string>): Transform {
  const decoder = new StringDecoder('utf8');
  let held = '';
  const take = (more: string): string => {
    held += more;
    const found = spans(held, needles);
    let cut = possibleStart(held, needles);
    const open = found.find((span) => span.start < cut && span.end > cut);
    if (open !== undefined) cut = open.start;
    const out = hide(
      held.slice(0, cut),
      found.filter((span) => span.end <= cut),
    );
    held = held.slice(cut);
    return out;
  };
  return new Transform({
    decodeStrings: true,
    transform(chunk: Buffer, _encoding, done) {
      done(null, take(decoder.write(chunk)));
    },
    flush(done) {
      const rest = held + decoder.end();
      held = '';
      done(null, hide(rest, spans(rest, needles)));
    },
  });
}

/** The first place from which the end of the text could be the beginning of a secret. */
function possibleStart(text: string, needles: Set<string>): number {
  let cut = text.length;
  for (const needle of needles) {
    for (let at = Math.max(0, text.length - needle.length + 1); at < cut; at += 1) {
      if (needle.startsWith(text.slice(at))) cut = at;
    }
  }
  return cut;
}
