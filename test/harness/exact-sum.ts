/** Sums of doubles as exact rationals over 2^1074, rounded by searching the neighbours: nothing shared with ours. */
const UNIT = 1074n;

export function exactly(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return NaN;
  const up = values.includes(Infinity);
  const down = values.includes(-Infinity);
  if (up || down) return up && down ? NaN : up ? Infinity : -Infinity;
  const total = unitsOfSum(values);
  const negative = total < 0n;
  const wanted = negative ? -total : total;
  // Positive doubles order as their bits do: the largest double not above the sum, then its upper neighbour.
  let low = 0n;
  let high = 0x7fefffffffffffffn;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (unitsOf(doubleOf(middle)) <= wanted) low = middle;
    else high = middle - 1n;
  }
  const below = wanted - unitsOf(doubleOf(low));
  const next = low === 0x7fefffffffffffffn ? 1n << (1024n + UNIT) : unitsOf(doubleOf(low + 1n));
  const above = next - wanted;
  const rounded = below < above || (below === above && low % 2n === 0n) ? low : low + 1n;
  const result = doubleOf(rounded);
  return negative ? -result : result;
}

/** Whether the sum of finite numbers is past 2^53 and no double. */
export function isInexact(values: readonly number[]): boolean {
  if (!values.every(Number.isFinite)) return false;
  const total = unitsOfSum(values);
  const magnitude = total < 0n ? -total : total;
  if (magnitude <= 1n << (53n + UNIT)) return false;
  const rounded = exactly(values);
  return !Number.isFinite(rounded) || unitsOf(rounded) !== total;
}

function unitsOfSum(values: readonly number[]): bigint {
  return values.reduce((sum, value) => sum + unitsOf(value), 0n);
}

function doubleOf(bits: bigint): number {
  return new Float64Array(new BigUint64Array([bits]).buffer)[0] as number;
}

function unitsOf(value: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0] as bigint;
  const exponent = bits >> 52n;
  const mantissa = bits & ((1n << 52n) - 1n);
  const units = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -units : units;
}
