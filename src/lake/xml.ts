// S3 answers in flat XML without attributes, comments or CDATA (Amazon S3 API reference), so that
// a reader of elements by name is enough.

/** The contents of all elements of a name, in order, as they are written. */
export function elements(xml: string, name: string): string[] {
  const found: string[] = [];
  const [open, close] = [`<${name}>`, `</${name}>`];
  for (let at = xml.indexOf(open); at !== -1; ) {
    const end = xml.indexOf(close, at);
    if (end === -1) break;
    found.push(xml.slice(at + open.length, end));
    at = xml.indexOf(open, end);
  }
  return found;
}

/** The text of the first element of a name; empty when there is none. */
export function text(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  if (start === -1) return '';
  const end = xml.indexOf(`</${name}>`, start);
  return end === -1 ? '' : unescaped(xml.slice(start + name.length + 2, end));
}

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(xml: string): string {
  if (!xml.includes('&')) return xml;
  return xml.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return character(Number.parseInt(hex, 16));
    return decimal === undefined ? (entities[name] ?? whole) : character(Number(decimal));
  });
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

/** Text as the content of an element. */
export function escapeXml(value: string): string {
  return value.replace(/\p{Cc}|[<>&"']/gu, (one) => `&#${one.charCodeAt(0)};`);
}

/** Keys of listings come escaped as in a URL, as XML cannot hold every character. */
export function decodeListed(value: string): string {
  return decodeURIComponent(value.replaceAll('+', ' '));
}
