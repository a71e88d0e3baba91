import { describe, expect, it } from 'vitest';
import { formatCpu, formatMemory, parseQuantity } from '../../../src/util/quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['2.', 2],
    ['250m', 0.25],
    ['1100m', 1.1],
    ['100n', 1e-7],
    ['5u', 5e-6],
    ['3k', 3000],
    ['60G', 60e9],
    ['1E', 1e18],
    ['1E3', 1000],
    ['12e6', 12e6],
    ['5e-1', 0.5],
    ['1Ki', 1024],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2Ei', 2 ** 61],
    ['-1', -1],
    ['+2', 2],
    [4, 4],
  ])('reads %s', (text, number) => {
    expect(parseQuantity(text)).toBe(number);
  });

  it.each([
    '',
    ' 1',
    '1 Gi',
    'Gi',
    '1K',
    '1ki',
    '1gb',
    '1e',
    'e3',
    '1.2.3',
    '0x10',
    null,
    undefined,
    {},
    Number.NaN,
  ])('does not take %s for a quantity', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});

describe('formatting', () => {
  it.each([
    [8, '8'],
    [5000, '5000'],
    [1.5, '1.5'],
    [0.25, '250m'],
    [0, '0'],
  ])('%s CPUs are %s', (cpus, text) => {
    expect(formatCpu(cpus)).toBe(text);
  });

  it.each([
    [0, '0 bytes'],
    [512, '512 bytes'],
    [2 ** 30, '1 GiB'],
    [16288 * 2 ** 20, '15.9 GiB'],
    [1.5 * 2 ** 20, '1.5 MiB'],
    [2 ** 62, '4 EiB'],
  ])('%s bytes are %s', (bytes, text) => {
    expect(formatMemory(bytes)).toBe(text);
  });
});
