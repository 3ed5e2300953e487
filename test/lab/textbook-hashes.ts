/**
 * Which real server the hashing schedulers lead to, by their definition: the kernel's net/netfilter/ipvs/ip_vs_dh.c,
 * ip_vs_sh.c and ip_vs_mh.c, as of Linux 6.1.
 */
import { addressToBytes, type IpAddress } from '../../src/model/address.ts';

export interface Weighted {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

/** An address as they hash it; of IPv6 it is the exclusive or of the four words. */
function number(address: string): number {
  const { buffer, byteOffset, byteLength } = addressToBytes(address as IpAddress);
  const bytes = new DataView(buffer, byteOffset, byteLength);
  let folded = 0;
  for (let at = 0; at < byteLength; at += 4) folded ^= bytes.getUint32(at);
  return folded >>> 0;
}

/** Both tables of dh and sh have 256 buckets. */
const BITS = 8;

/** `hash_32` of linux/hash.h: the upper bits of the product with the golden ratio. */
const hash32 = (value: number): number => Math.imul(value, 0x61c88647) >>> (32 - BITS);

/** The buckets of dh are given out in turn, in the order of the kernel's list. */
export function byDestination(servers: readonly Weighted[], destination: string): string {
  return at(servers, hash32(number(destination)) % servers.length);
}

/** The buckets of sh are given out in turn as well, to each real server as many at a time as its weight. */
export function bySource(servers: readonly Weighted[], source: string, port = 0): string {
  const [first = ''] = bySourceInOrder(servers, source, port);
  return first;
}

/** With sh-fallback: whom it leads to first, and then, while those before are overloaded. */
export function bySourceInOrder(servers: readonly Weighted[], source: string, port = 0): readonly string[] {
  const turn = servers.flatMap((server) => Array<Weighted>(server.weight).fill(server));
  const size = 1 << BITS;
  const hash = (offset: number): number => (offset + hash32((port + number(source)) >>> 0)) % size;
  const start = hash(0);
  const buckets = [start, ...Array.from({ length: size }, (_, offset) => hash((offset + start) % size))];
  return [...new Set(buckets.map((bucket) => at(turn, bucket % turn.length)))];
}

/** The lookup table of mh, from the paper: Maglev, NSDI 2016, section 3.4. */
export class Maglev {
  static readonly SIZE = 4_093;
  readonly #lookup: readonly string[];

  constructor(servers: readonly Weighted[]) {
    const lookup = Array<string | undefined>(Maglev.SIZE);
    const divisor = servers.reduce((sum, { weight }) => gcd(sum, weight), 0);
    const rows = servers.map(({ name, address, port, weight }) => ({
      name,
      next: hash(FIRST, address, port) % Maglev.SIZE,
      skip: (hash(SECOND, address, port) % (Maglev.SIZE - 1)) + 1,
      turns: weight / divisor,
    }));
    for (let filled = 0; filled < Maglev.SIZE; ) {
      for (const row of rows) {
        for (let turn = 0; turn < row.turns && filled < Maglev.SIZE; turn++, filled++) {
          while (lookup[row.next] !== undefined) row.next = (row.next + row.skip) % Maglev.SIZE;
          lookup[row.next] = row.name;
        }
      }
    }
    this.#lookup = lookup.map((name) => name ?? '');
  }

  lookup(source: string, port = 0): string {
    return this.#lookup[hash(FIRST, source, port) % Maglev.SIZE] ?? '';
  }

  /** With mh-fallback: whom it leads to first, and then, while those before are overloaded. */
  inOrder(source: string, port = 0): readonly string[] {
    const start = hash(FIRST, source, port) % Maglev.SIZE;
    const tried = Array.from({ length: Maglev.SIZE }, (_, offset) => {
      const again = hash(FIRST, source, port, (offset + start) % Maglev.SIZE);
      return this.#lookup[again % Maglev.SIZE] ?? '';
    });
    return [...new Set([this.lookup(source, port), ...tried])];
  }
}

/** The keys of ip_vs_mh.c; each is used for both halves. */
const FIRST = 2_654_435_761n;
const SECOND = 2_654_446_892n;

const hash = (key: bigint, address: string, port: number, offset = 0): number =>
  hsiphash((offset + port + number(address)) >>> 0, key);

const MASK = (1n << 64n) - 1n;
const rotated = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & MASK;

/** linux/siphash.h: SipHash-1-3 of one 32-bit number, cut to 32 bits, as it is on 64-bit machines. */
function hsiphash(value: number, key: bigint): number {
  let v0 = 0x736f6d6570736575n ^ key;
  let v1 = 0x646f72616e646f6dn ^ key;
  let v2 = 0x6c7967656e657261n ^ key;
  let v3 = 0x7465646279746573n ^ key;
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotated(v1, 13n) ^ v0;
    v0 = rotated(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotated(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotated(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotated(v1, 17n) ^ v2;
    v2 = rotated(v2, 32n);
  };
  // Its length in the highest byte.
  const block = (4n << 56n) | BigInt(value);
  v3 ^= block;
  round();
  v0 ^= block;
  v2 ^= 0xffn;
  for (let n = 0; n < 3; n++) round();
  return Number((v0 ^ v1 ^ v2 ^ v3) & 0xffff_ffffn);
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function at(servers: readonly Weighted[], index: number): string {
  return servers[index]?.name ?? '';
}
