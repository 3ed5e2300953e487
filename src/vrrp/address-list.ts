/** Comparison of address lists: with another length, or on another link, it is another address to the kernel. */
import { formatPrefix } from '../model/address.ts';
import type { VirtualAddress } from '../model/virtual-router.ts';

const keyOf = (address: VirtualAddress): string => `${formatPrefix(address)} ${address.device ?? ''}`;

/** Those of `list` that `before` does not have. */
export function addedTo<T extends VirtualAddress>(
  list: readonly T[],
  before: readonly VirtualAddress[],
): readonly T[] {
  const known = new Set(before.map(keyOf));
  return list.filter((address) => !known.has(keyOf(address)));
}

/** Those of `list` that `others` has too. */
export function among<T extends VirtualAddress>(
  list: readonly T[],
  others: readonly VirtualAddress[],
): readonly T[] {
  const known = new Set(others.map(keyOf));
  return list.filter((address) => known.has(keyOf(address)));
}

/** Whether both lists have the same addresses, in whatever order. */
export const sameAddresses = (a: readonly VirtualAddress[], b: readonly VirtualAddress[]): boolean =>
  addedTo(a, b).length === 0 && addedTo(b, a).length === 0;
