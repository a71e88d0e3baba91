import { readFileSync, statSync } from 'node:fs';
import type { Location } from '../errors.ts';
import { textWidth, truncate } from './width.ts';

const largest = 1024 * 1024;
const widest = 160;

/**
 * The line an error is about and a mark under the word it is about; nothing when the file
 * cannot be read, is large, holds secrets, or has no such line.
 */
export function sourceExcerpt(at: Location | undefined): string[] {
  if (at?.line === undefined || at.secret) return [];
  const line = readLine(at.file, at.line);
  if (line === undefined || textWidth(line) > widest * 10) return [];
  const number = String(at.line).padStart(5);
  const shown = [`${number} | ${truncate(line, widest)}`];
  const column = at.column ?? 0;
  if (column < 1 || column > line.length || column > widest) return shown;
  // Tabs stay tabs, so that the mark stands where the terminal draws the word.
  const before = line.slice(0, column - 1);
  const indent = before.replace(/[^\t]+/g, (part) => ' '.repeat(textWidth(part)));
  const word = /^("(\\.|[^"])*"|'[^']*'|[^\s:,[\]{}#]+)/.exec(line.slice(column - 1))?.[0] ?? ' ';
  return [...shown, `${' '.repeat(5)} | ${indent}${'^'.repeat(Math.max(1, textWidth(word)))}`];
}

function readLine(file: string, line: number): string | undefined {
  try {
    const { size } = statSync(file);
    if (size > largest) return undefined;
    return readFileSync(file, 'utf8').split(/\r?\n/)[line - 1];
  } catch {
    return undefined;
  }
}
