import { describe, expect, it } from 'vitest';
import type { ComponentLine } from '../../../src/actions/log-sources.ts';
import { renderLogLines } from '../../../src/ui/log-lines.ts';

const line = (text: string, pod = 'dask-0'): ComponentLine => ({
  component: 'dask',
  pod,
  container: 'worker',
  time: '2026-03-01T10:00:00.000000001Z',
  line: text,
});
const plain = { color: false, terminal: true, timestamps: false };

describe('lines of logs', () => {
  it('begin with where they come from', () => {
    expect(renderLogLines([line('a'), line('')], plain)).toBe('dask-0/worker a\ndask-0/worker \n');
  });

  it('have their time when it is asked for', () => {
    expect(renderLogLines([line('a')], { ...plain, timestamps: true })).toBe(
      'dask-0/worker 2026-03-01T10:00:00.000000001Z a\n',
    );
  });

  it('cannot move the cursor, change the terminal or hide their order', () => {
    const evil = '\u001b[2J\u001b]0;title\u0007a\rb\u009b1A\u202ec\u001b[31mred\u001b[0m\tä🌍';
    const shown = renderLogLines([line(evil)], plain);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be left.
    expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(shown).toBe('dask-0/worker ^[[2J^[]0;title^Ga^Mb<U+009B>1A<U+202E>cred\tä🌍\n');
  });

  it('are left as they are in a file', () => {
    const text = '\u001b[31mred\u001b[0m\r';
    expect(renderLogLines([line(text)], { ...plain, terminal: false })).toBe(`dask-0/worker ${text}\n`);
  });

  it('have a colour for each source, always the same', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape character is what colours begin with.
    const painted = /^\u001b\[\d+mdask-0\/worker\u001b\[39m a\n$/;
    const paint = (pod: string) => renderLogLines([line('a', pod)], { ...plain, color: true });
    expect(paint('dask-0')).toMatch(painted);
    expect(paint('dask-0')).toBe(paint('dask-0'));
    const colors = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((n) => /\[(\d+)m/.exec(paint(`dask-${n}`))![1]));
    expect(colors.size).toBeGreaterThan(3);
  });
});
