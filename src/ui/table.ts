import type { Style } from './style.ts';
import { pad, textWidth, truncate } from './width.ts';

export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** Whether the column may be cut when the terminal is narrow; true by default. */
  shrink?: boolean;
  /** Colours a cell after it was cut and filled up. */
  paint?: (cell: string, row: number) => string;
}

export interface TableOptions {
  /** Columns of the terminal; without it nothing is cut. */
  width?: number;
  style?: Style;
}

const gap = '  ';
const leastWidth = 6;

/** Rows under their titles, every line ended. Cells hold plain text; line ends in them become spaces. */
export function renderTable(columns: Column[], rows: string[][], options: TableOptions = {}): string {
  const cells = rows.map((row) => columns.map((_, index) => flat(row[index] ?? '')));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((row) => textWidth(row[index] ?? ''))),
  );
  if (options.width !== undefined) shrink(widths, columns, options.width);
  const head = line(
    columns.map((column) => column.title),
    columns,
    widths,
  );
  const body = cells.map((row, index) => line(row, columns, widths, index));
  return [options.style?.bold(head) ?? head, ...body].map((text) => `${text}\n`).join('');
}

/** Takes from the widest column that may be cut, until the line fits or nothing is left to take. */
function shrink(widths: number[], columns: Column[], width: number): void {
  const total = () => widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
  while (total() > width) {
    const able = widths.map((one, index) => (columns[index]?.shrink === false ? 0 : one));
    const most = Math.max(...able);
    if (most <= leastWidth) return;
    widths[able.indexOf(most)] = most - 1;
  }
}

function line(row: string[], columns: Column[], widths: number[], index?: number): string {
  return columns
    .map((column, at) => {
      const cell = pad(truncate(row[at] ?? '', widths[at] ?? 0), widths[at] ?? 0, column.align);
      return index === undefined ? cell : (column.paint?.(cell, index) ?? cell);
    })
    .join(gap)
    .trimEnd();
}

function flat(cell: string): string {
  return cell.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}
