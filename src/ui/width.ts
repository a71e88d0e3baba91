import { stripVTControlCharacters } from 'node:util';

/** Blocks that terminals draw two columns wide (Unicode Standard Annex 11, W and F). */
const wide: [number, number][] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x2329, 0x232a],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x274c, 0x274c],
  [0x2753, 0x2755],
  [0x2757, 0x2757],
  [0x2795, 0x2797],
  [0x2b1b, 0x2b1c],
  [0x2b50, 0x2b50],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x3fffd],
];

let segmenter: Intl.Segmenter | undefined;
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape character is what colours begin with.
const colors = /(\u001b\[[0-9;]*m)/;
const ascii = /^[\u0020-\u007e]*$/;

/** How many columns a text takes in a terminal, without its colours. */
export function textWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (ascii.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of segments(plain)) width += segmentWidth(segment);
  return width;
}

/** What a reader takes for one character each. Made when it is needed: loading the tables takes 10 ms. */
function segments(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

/** Cuts a text without colours to so many columns, the last one an ellipsis. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return '';
  let width = 0;
  let kept = '';
  for (const { segment } of segments(text)) {
    width += segmentWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** Like `truncate`, for a text that may hold colours: they are closed after the cut. */
export function truncateStyled(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const parts = text.split(colors);
  let left = columns;
  const kept = parts.map((part) => {
    if (colors.test(part) || left <= 0) return colors.test(part) ? part : '';
    const width = textWidth(part);
    // The last column is for the ellipsis, unless nothing follows.
    const cut = width < left ? part : truncate(`${part} `, left);
    left = width < left ? left - width : 0;
    return cut;
  });
  return kept.join('');
}

/** Fills a text up with spaces; colours do not count. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, columns - textWidth(text)));
  return align === 'left' ? text + fill : fill + text;
}

function segmentWidth(segment: string): number {
  const code = segment.codePointAt(0) ?? 0;
  if (/^[\p{Control}\p{Mark}\p{Format}]/u.test(segment)) return 0;
  // An emoji made of several characters, or one that is asked to look like an emoji.
  if (segment.includes('\ufe0f') || (segment.includes('\u200d') && code > 0x2000)) return 2;
  return wide.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}
