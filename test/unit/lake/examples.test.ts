import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../../src/util/paths.ts';

const examples = join(packageRoot, 'data', 'examples');
const files = readdirSync(examples, { recursive: true, encoding: 'utf8' });
const notebooks = files.filter((file) => file.endsWith('.ipynb'));

it('every notebook says what the script beside it says', () => {
  expect(notebooks.map((file) => file.replace(/ipynb$/, 'py')).sort()).toEqual(
    files.filter((file) => file.endsWith('.py')).sort(),
  );
  execFileSync(process.execPath, [join(packageRoot, 'scripts', 'notebooks.js'), '--check']);
});

it.each(notebooks)('%s has code and words, and no outputs', (file) => {
  const { cells, nbformat } = JSON.parse(readFileSync(join(examples, file), 'utf8'));
  const code = cells.filter((cell: { cell_type: string }) => cell.cell_type === 'code');

  expect(nbformat).toBe(4);
  expect(code.length).toBeGreaterThan(1);
  expect(cells.length).toBeGreaterThan(code.length);
  for (const cell of code) expect([cell.outputs, cell.execution_count]).toEqual([[], null]);
});

it.each(files.filter((file) => file.endsWith('.csv')))('%s has the same columns in every row', (file) => {
  const [head, ...rows] = readFileSync(join(examples, file), 'utf8').trim().split('\n');

  expect(head).toBe('station,date,temperature,rain');
  expect(rows).toHaveLength(180);
  for (const row of rows) expect(row).toMatch(/^[A-Z][a-z]+,\d{4}-\d\d-\d\d,-?\d+\.\d,\d+\.\d$/);
});
