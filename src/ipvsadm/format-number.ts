/** A counter in nine columns, its last letter the unit: thousands, millions and so on; in full if `exact`. */
export function formatNumber(number: number, exact: boolean): string {
  if (exact) return ` ${String(number).padStart(8)}`;
  if (number < 1e8) return String(number).padStart(9);
  const [divisor, unit] = unitOf(number);
  return `${String(Math.floor(number / divisor)).padStart(8)}${unit}`;
}

function unitOf(number: number): readonly [number, string] {
  if (number < 1e9) return [1e3, 'K'];
  if (number < 1e11) return [1e6, 'M'];
  return number < 1e14 ? [1e9, 'G'] : [1e12, 'T'];
}
