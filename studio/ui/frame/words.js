// @ts-check
// Numbers in words, as frame/words.py says them: sizes, durations, losses, and the name of a run.

// As Python rounds: a tie goes to the even digit. With one digit after the point only x.25 and x.75 are ties.
/** @type {any} what TypeScript's own list of options lacks */
const rounded = { maximumFractionDigits: 0, roundingMode: "halfEven" };
const whole = new Intl.NumberFormat("en-US", rounded);
const tenths = (/** @type {number} */ n) => (n % 1 === 0.25 ? `${Math.floor(n)}.2` : n.toFixed(1));
const SIZES = /** @type {const} */ ([
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
]);

const SHORT = /** @type {const} */ ([
  ["B", 1e9],
  ["M", 1e6],
]);

/** 1234567 -> "1,234,567" @param {number} n */
export const sayNumber = (n) => whole.format(n);

/** "0.9 MB", "310 MB", "23 GB" @param {number} bytes */
export function saySize(bytes) {
  for (const [unit, size] of SIZES) {
    if (bytes < size * 0.95) continue;
    const n = bytes / size;
    return `${n < 10 ? tenths(n) : whole.format(n)} ${unit}`;
  }
  return `${whole.format(bytes)} bytes`;
}

/** "under a second", "40 s", "3 min", "1.5 h" @param {number} seconds */
export function sayDuration(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 90) return `${whole.format(seconds)} s`;
  if (seconds < 5400) return `${whole.format(seconds / 60)} min`;
  return `${tenths(seconds / 3600)} h`;
}

/** "5.7 M", "1.2 B", "640" @param {number} n */
function sayShort(n) {
  for (const [unit, size] of SHORT)
    if (n >= size * 0.9995) return `${n < 100 * size ? tenths(n / size) : whole.format(n / size)} ${unit}`;
  return whole.format(n);
}

/** "5.5 M + 0.2 M" of a base and what is added to it, "8.0 B" where that doesn't show.
 * @param {number} base @param {number} total */
export function sayTotal(base, total) {
  const shown = sayShort(base);
  if (total <= base || sayShort(total) === shown) return shown;
  const added = total - base;
  return `${shown} + ${added >= 1e6 ? sayShort(added) : `${tenths(added / 1e6)} M`}`;
}

/** "3.9 %", "0.02 %", "100 %" @param {number} value */
export function sayPercent(value) {
  if (value >= 99.95 || value === 0) return `${value.toFixed(0)} %`;
  return `${value >= 0.1 ? tenths(value) : Number(value.toPrecision(2))} %`;
}

/** What is measured, with as many digits as say something: 2.87, 0.142, 0.0031.
 * @param {number | null | undefined} value */
export function sayFigure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 1 ? value.toFixed(2) : size >= 0.01 ? value.toFixed(3) : value.toPrecision(2);
}

/** "20261120-0719-brave-otter" -> "brave-otter" @param {unknown} run */
export function sayRun(run) {
  return String(run ?? "").replace(/^[\d-]+/, "") || String(run ?? "");
}
