import { describe, expect, it } from 'vitest';
import { createStyle, wantsColor } from '../../../src/ui/style.ts';
import { renderTable } from '../../../src/ui/table.ts';
import { pad, textWidth, truncate, truncateStyled } from '../../../src/ui/width.ts';

describe('wantsColor', () => {
  it.each([
    ['a terminal', { tty: true, env: {} }, true],
    ['a file', { tty: false, env: {} }, false],
    ['a terminal that can do nothing', { tty: true, env: { TERM: 'dumb' } }, false],
    ['NO_COLOR', { tty: true, env: { NO_COLOR: '1' } }, false],
    ['an empty NO_COLOR', { tty: true, env: { NO_COLOR: '' } }, true],
    ['FORCE_COLOR', { tty: false, env: { FORCE_COLOR: '1' } }, true],
    ['FORCE_COLOR=0', { tty: true, env: { FORCE_COLOR: '0' } }, false],
    ['both', { tty: true, env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, false],
    ['--no-color', { flag: false, tty: true, env: { FORCE_COLOR: '1' } }, false],
  ])('with %s', (_name, wish, expected) => {
    expect(wantsColor(wish)).toBe(expected);
  });

  it('leaves texts alone without colours', () => {
    expect(createStyle(false).red('a')).toBe('a');
    expect(createStyle(true).red('a')).toBe('\u001b[31ma\u001b[39m');
  });
});

describe('the width of a text', () => {
  it.each([
    ['abc', 3],
    ['', 0],
    ['größe', 5],
    ['e\u0301', 1],
    ['日本', 4],
    ['✔ ok', 4],
    ['🚀', 2],
    ['👩‍💻', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['한글', 4],
  ])('of %s', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it('is what is cut to, and filled up to', () => {
    expect(truncate('minio-datalake', 8)).toBe('minio-d…');
    expect(truncate('minio', 5)).toBe('minio');
    expect(truncate('日本語日本語', 6)).toBe('日本…');
    expect(truncate('abc', 0)).toBe('');
    expect(pad('日本', 6)).toBe('日本  ');
    expect(pad('7', 3, 'right')).toBe('  7');
  });

  it('is kept with colours, which are closed', () => {
    const text = '\u001b[1mminio\u001b[22m  installing a lot';
    for (let columns = 1; columns < 30; columns += 1) {
      const cut = truncateStyled(text, columns);
      expect(textWidth(cut)).toBeLessThanOrEqual(columns);
      expect(cut).toContain('\u001b[22m');
      expect(textWidth(text) > columns).toBe(cut.includes('…'));
    }
  });
});

describe('renderTable', () => {
  const columns = [
    { title: 'NAME' },
    { title: 'STATE', shrink: false },
    { title: 'TIME', align: 'right' as const },
  ];

  it('lines columns up', () => {
    expect(
      renderTable(columns, [
        ['minio', 'installed', '3 s'],
        ['größe', 'no', '12 s'],
        ['日本', '', ''],
      ]),
    ).toBe(
      ['NAME   STATE      TIME', 'minio  installed   3 s', 'größe  no         12 s', '日本', ''].join('\n'),
    );
  });

  it('cuts the widest column until it fits', () => {
    const out = renderTable(columns, [['a-name-that-is-much-too-long-for-this', 'installed', '3 s']], {
      width: 30,
    });
    for (const line of out.trimEnd().split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(30);
    expect(out).toContain('installed');
    expect(out).toContain('…');
  });

  it('keeps what may not be cut, and cells in one line', () => {
    const out = renderTable([{ title: 'ADDRESS', shrink: false }], [['http://localhost:9001/a/long/path']], {
      width: 10,
    });
    expect(out).toContain('http://localhost:9001/a/long/path');
    expect(renderTable(columns, [['a\nb', 'c', 'd']])).toContain('a b');
  });

  it('colours cells without moving them', () => {
    const style = createStyle(true);
    const out = renderTable([{ title: 'A', paint: style.red }, { title: 'B' }], [['x', 'y']], { style });
    expect(out).toBe('\u001b[1mA  B\u001b[22m\n\u001b[31mx\u001b[39m  y\n');
  });
});
