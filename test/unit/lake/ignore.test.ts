import { expect, it } from 'vitest';
import { readIgnore } from '../../../src/lake/ignore.ts';

const lines = `
# made again by the notebook
*.tmp
/top.csv
build/
deep/**/raw.csv
!keep.tmp
!.env.example
a?c
x[1].txt
`;

it.each([
  ['a.tmp', true],
  ['sub/a.tmp', true],
  ['keep.tmp', false],
  ['sub/keep.tmp', false],
  ['top.csv', true],
  ['sub/top.csv', false],
  ['build/', true],
  ['build', false],
  ['sub/build/', true],
  ['deep/raw.csv', true],
  ['deep/1/2/raw.csv', true],
  ['other/deep/raw.csv', false],
  ['abc', true],
  ['a/c', false],
  ['x[1].txt', true],
  ['x1.txt', false],
  ['.git/', true],
  ['.env', true],
  ['sub/.ipynb_checkpoints/', true],
  ['.env.example', false],
  ['__pycache__/', true],
  ['plain.csv', false],
])('%s: left out is %s', (path, expected) => {
  expect(readIgnore(lines)(path)).toBe(expected);
});
