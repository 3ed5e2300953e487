/** The order in which ipvsadm lists: its own comparisons, and the sort of the C library beneath it. */
import { addressToBytes, familyOf, type IpAddress } from '../model/address.ts';
import type { TableKey } from '../model/ipvs-table.ts';
import type { Protocol } from '../model/virtual-server.ts';
import { keyFamily } from '../netlink/ipvs/service.ts';

type Compare<Entry> = (a: Entry, b: Entry) => number;

const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/**
 * As glibc's qsort sorts, by merging. It matters: the comparisons below are differences of 32 bits, of which far ones
 * come out with the wrong sign, and a sort of another kind would end in another order.
 */
export function mergeSorted<Entry>(entries: readonly Entry[], compare: Compare<Entry>): readonly Entry[] {
  if (entries.length <= 1) return entries;
  const half = Math.floor(entries.length / 2);
  const left = mergeSorted(entries.slice(0, half), compare);
  const right = mergeSorted(entries.slice(half), compare);
  const sorted: Entry[] = [];
  let i = 0;
  let j = 0;
  while (sorted.length < entries.length) {
    const a = left[i];
    const b = right[j];
    if (a !== undefined && (b === undefined || compare(a, b) <= 0)) {
      sorted.push(a);
      i++;
    } else if (b !== undefined) {
      sorted.push(b);
      j++;
    }
  }
  return sorted;
}

/** By mark (0 for none), family, protocol, address and port. */
export function compareKeys(a: TableKey, b: TableKey): number {
  const byMark = difference(markOf(a), markOf(b)) || familyNumber(a) - familyNumber(b);
  if (byMark !== 0 || a.kind === 'mark' || b.kind === 'mark') return byMark;
  return (
    PROTOCOL_NUMBER[a.protocol] - PROTOCOL_NUMBER[b.protocol] ||
    compareAddresses(a.address, b.address) ||
    a.port - b.port
  );
}

export const compareServers: Compare<{ readonly address: IpAddress; readonly port: number }> = (a, b) =>
  compareAddresses(a.address, b.address) || a.port - b.port;

const markOf = (key: TableKey): number => (key.kind === 'mark' ? key.mark : 0);
const familyNumber = (key: TableKey): number => (keyFamily(key) === 'ipv4' ? 2 : 10);

/** As much of it as the first one's family has, in words of 32 bits; IPv4 is the first of an IPv6 address's four. */
function compareAddresses(a: IpAddress, b: IpAddress): number {
  const left = words(a);
  const right = words(b);
  const count = familyOf(a) === 'ipv6' ? 4 : 1;
  for (let i = 0; i < count; i++) {
    const result = difference(left[i] ?? 0, right[i] ?? 0);
    if (result !== 0) return result;
  }
  return 0;
}

function words(address: IpAddress): readonly number[] {
  const bytes = addressToBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** Of unsigned numbers of 32 bits, as an int. */
const difference = (a: number, b: number): number => (a - b) | 0;
