import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellQuote } from '../../../src/util/shell.ts';

const nasty = [
  'plain',
  '',
  'two words',
  "it's",
  "'",
  `"double" and 'single'`,
  '$(touch /nowhere) `id` $HOME',
  'back\\slash\\',
  'two\nlines\n.',
  '! # ~ * ? [a] {b,c} ; & | < > ( )',
  '-n',
  'größe ☃',
  '\t tab and bell \u0007',
];
const shells = ['sh', 'bash', 'dash', 'ksh', 'zsh'].filter(
  (shell) => spawnSync(shell, ['-c', 'exit 0']).status === 0,
);

describe.each(shells)('a word quoted for %s', (shell) => {
  it.each(nasty)('stands for itself: %j', (text) => {
    const script = `export VALUE=${shellQuote(text)}\nprintf %s. "$VALUE"`;
    // As `eval "$(…)"` does it.
    const out = execFileSync(shell, ['-c', 'eval "$1"', shell, script], { encoding: 'utf8' });

    expect(out).toBe(`${text}.`);
  });
});
