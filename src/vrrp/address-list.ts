/** Comparison of address lists: an address with another prefix length is another address to the kernel. */
import type { Prefix } from '../model/address.ts';
import { formatPrefix } from '../model/address.ts';

/** Those of `list` that `before` does not have. */
export function addedTo(list: readonly Prefix[], before: readonly Prefix[]): readonly Prefix[] {
  const known = new Set(before.map(formatPrefix));
  return list.filter((prefix) => !known.has(formatPrefix(prefix)));
}

/** Those of `list` that `others` has too. */
export function among(list: readonly Prefix[], others: readonly Prefix[]): readonly Prefix[] {
  const known = new Set(others.map(formatPrefix));
  return list.filter((prefix) => known.has(formatPrefix(prefix)));
}

/** Whether both lists have the same addresses, in whatever order. */
export const samePrefixes = (a: readonly Prefix[], b: readonly Prefix[]): boolean =>
  addedTo(a, b).length === 0 && addedTo(b, a).length === 0;
