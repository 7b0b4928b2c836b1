import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatRemaining } from '../../../shared/figures.js';

describe('figures for people', () => {
  test('counts have groups of three digits', () => {
    expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  test('bytes have three significant digits and never four before the unit', () => {
    expect([0, 812, 999, 1000, 1234, 99_949, 999_499, 999_500, 4e15].map(formatBytes)).toEqual([
      '0 B',
      '812 B',
      '999 B',
      '1.00 kB',
      '1.23 kB',
      '99.9 kB',
      '999 kB',
      '1.00 MB',
      '4.00 PB',
    ]);
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => {
        expect(formatBytes(bytes)).toMatch(/^(\d{1,3}|\d\.\d\d|\d\d\.\d) [kMGTP]?B$/);
      }),
    );
  });

  test('durations change their unit without ever saying 60 seconds', () => {
    expect([430, 9_999, 12_340, 59_949, 59_950, 125_000, 4_320_000].map(formatDuration)).toEqual([
      '0.43 s',
      '10.0 s',
      '12.3 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
      '1 h 12 min',
    ]);
  });

  test('an estimate is whole seconds, and never none', () => {
    expect([1, 1_400, 61_000].map(formatRemaining)).toEqual(['1 s', '1 s', '1 min 1 s']);
  });
});
