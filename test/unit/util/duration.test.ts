import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/util/duration.ts';

describe('spans of time', () => {
  it.each([
    ['10m', 600],
    ['1h30m', 5400],
    ['2d', 172_800],
    ['1.5h', 5400],
    ['250ms', 0.25],
    ['0s', 0],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '10', 'm', '10 m', '-5m', '1h 30m', '10min', 'yesterday'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [5400, '1h30m'],
    [90_061, '1d1h'],
    [0.4, '0s'],
    [59, '59s'],
  ])('%d seconds are written %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
