/** The kernel filter, run by a small interpreter of classic BPF. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../../../src/model/address.ts';
import { encode } from '../../../src/vrrp/advertisement.ts';
import { type Instruction, vridFilter } from '../../../src/vrrp/filter.ts';
import { advertOf, GROUP, PEER } from './wire.ts';

/** What <linux/filter.h> says the program does with a packet: how many of its bytes go on. */
function run(filter: readonly Instruction[], packet: Uint8Array): number {
  const memory = new Uint32Array(16);
  let [a, x] = [0, 0];
  for (let pc = 0; ; pc++) {
    const instruction = filter[pc];
    if (instruction === undefined) throw new Error('ran past the end');
    const [code, onTrue, onFalse, k] = instruction;
    const load = (offset: number) => packet[offset];
    if (code === 0x06) return k;
    if (code === 0xb1 || code === 0x30 || code === 0x50) {
      const byte = load(code === 0x50 ? x + k : k);
      if (byte === undefined) return 0;
      if (code === 0xb1) x = 4 * (byte & 15);
      else a = byte;
    } else if (code === 0x00) a = k;
    else if (code === 0x60) a = memory[k] ?? 0;
    else if (code === 0x02) memory[k] = a;
    else if (code === 0x07) x = a;
    else if (code === 0x54) a = (a & k) >>> 0;
    else if (code === 0x74) a >>>= k;
    else if (code === 0x7c) a = x > 31 ? 0 : a >>> x;
    else if (code === 0x05) pc += k;
    else if (code === 0x15) pc += a === k ? onTrue : onFalse;
    else throw new Error(`instruction ${pc} has the unknown code ${code}`);
  }
}

/** What a filter sees: over IPv4 with a header of `words` words in front, over IPv6 the message alone. */
function seen(family: Family, vrid: number, words = 5): Uint8Array {
  const message = encode(advertOf({ vrid }), PEER, GROUP);
  if (family === 'ipv6') return message;
  const header = new Uint8Array(words * 4).fill(0xee);
  header[0] = (4 << 4) | words;
  return Uint8Array.from([...header, ...message]);
}

const family = fc.constantFrom<Family>('ipv4', 'ipv6');
const passing = (filter: readonly Instruction[], name: Family, words?: number): readonly number[] =>
  Array.from({ length: 256 }, (_, vrid) => vrid).filter((vrid) => run(filter, seen(name, vrid, words)) > 0);

describe('the filter of VRIDs', () => {
  it('lets whole packets of our VRIDs through, and no others', () => {
    fc.assert(
      fc.property(
        family,
        fc.uniqueArray(fc.integer({ min: 1, max: 255 })),
        fc.integer({ min: 5, max: 15 }),
        (name, vrids, words) => {
          expect(passing(vridFilter(name, vrids), name, words)).toEqual(vrids.toSorted((a, b) => a - b));
        },
      ),
      { numRuns: 50 },
    );
    expect(run(vridFilter('ipv4', [51]), seen('ipv4', 51))).toBe(0xffffffff);
  });

  it('lets nothing through without VRIDs, or without a message', () => {
    expect(passing(vridFilter('ipv4', []), 'ipv4')).toEqual([]);
    expect(run(vridFilter('ipv6', [0, 1]), Uint8Array.of(0x31))).toBe(0);
    expect(run(vridFilter('ipv4', [0, 1]), seen('ipv4', 1).subarray(0, 21))).toBe(0);
    expect(run(vridFilter('ipv4', [0, 1]), new Uint8Array(0))).toBe(0);
  });

  it('is small for any number of VRIDs', () => {
    const all = Array.from({ length: 255 }, (_, i) => i + 1);
    expect(vridFilter('ipv4', all).length).toBe(37);
    expect(vridFilter('ipv6', [51, 52]).length).toBe(15);
    expect(passing(vridFilter('ipv4', all), 'ipv4')).toEqual(all);
  });

  it('is made of VRIDs only', () => {
    expect(() => vridFilter('ipv4', [256])).toThrow('VRID 256 must be a whole number from 0 to 255');
    expect(() => vridFilter('ipv4', [1.5])).toThrow(RangeError);
  });
});
