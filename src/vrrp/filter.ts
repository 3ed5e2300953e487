/**
 * A classic BPF program (<linux/filter.h>) for a raw VRRP socket: the kernel hands over only the packets of our own
 * VRIDs, so that those of others cost no wake-up. It looks at nothing else, so that a packet of ours that is wrong in
 * some other way still is counted for what is wrong with it.
 */
import type { Family } from '../model/address.ts';

/** Bytes of a packet that are let through: all. */
const WHOLE = 0xffffffff;
/** Where the VRID stands in the message, in every version. */
const VRID_OFFSET = 1;

/** Operation codes as <linux/bpf_common.h> puts them together. */
const OP = {
  /** X = 4 * (byte k & 0xf): the length of an IPv4 header. */
  loadHeaderLength: 0xb1,
  /** A = byte k. */
  loadByte: 0x30,
  /** A = byte X + k. */
  loadByteBehindX: 0x50,
  loadConstant: 0x00,
  loadMemory: 0x60,
  storeMemory: 0x02,
  moveToX: 0x07,
  and: 0x54,
  shiftRight: 0x74,
  shiftRightByX: 0x7c,
  jump: 0x05,
  jumpIfEqual: 0x15,
  return: 0x06,
} as const;

/** struct sock_filter: operation, how many to skip when a comparison holds and when it does not, operand. */
export type Instruction = readonly [code: number, onTrue: number, onFalse: number, k: number];

/**
 * The program. A raw IPv4 socket's filter sees the packet from its IP header on, a raw IPv6 socket's only what follows
 * the headers. No VRID lets nothing through. Throws RangeError for a VRID that is none.
 */
export const vridFilter = (family: Family, vrids: Iterable<number>): readonly Instruction[] =>
  program(family, bitmap(vrids));

/** The set as eight words of 32 bits, VRID 0 the lowest bit of the first. */
function bitmap(vrids: Iterable<number>): Uint32Array {
  const words = new Uint32Array(8);
  for (const vrid of vrids) {
    if (!Number.isInteger(vrid) || vrid < 0 || vrid > 255) {
      throw new RangeError(`VRRP filter: VRID ${vrid} must be a whole number from 0 to 255`);
    }
    words[vrid >> 5] = (words[vrid >> 5] ?? 0) | (1 << (vrid & 31));
  }
  return words;
}

/**
 * Looks the VRID up in the bitmap, so that 255 VRIDs cost as little as one: X = the bit within its word, A = the
 * word, which a chain of comparisons finds.
 */
function program(family: Family, words: Uint32Array): readonly Instruction[] {
  const used = [...words.entries()].filter(([, word]) => word !== 0);
  const chain = used.flatMap(([index, word], i): Instruction[] => {
    // To the test, over the pairs that are left, each three long, and the rejection that follows the last.
    const toTest = 3 * (used.length - i - 1) + 1;
    return [
      [OP.jumpIfEqual, 0, 2, index],
      [OP.loadConstant, 0, 0, word],
      [OP.jump, 0, 0, toTest],
    ];
  });
  return [
    ...loadVrid(family),
    [OP.storeMemory, 0, 0, 0],
    [OP.and, 0, 0, 31],
    [OP.moveToX, 0, 0, 0],
    [OP.loadMemory, 0, 0, 0],
    [OP.shiftRight, 0, 0, 5],
    ...chain,
    [OP.return, 0, 0, 0],
    [OP.shiftRightByX, 0, 0, 0],
    [OP.and, 0, 0, 1],
    [OP.jumpIfEqual, 0, 1, 1],
    [OP.return, 0, 0, WHOLE],
    [OP.return, 0, 0, 0],
  ];
}

/** A packet that ends before its VRID ends the program too, and is not let through. */
const loadVrid = (family: Family): readonly Instruction[] =>
  family === 'ipv4'
    ? [
        [OP.loadHeaderLength, 0, 0, 0],
        [OP.loadByteBehindX, 0, 0, VRID_OFFSET],
      ]
    : [[OP.loadByte, 0, 0, VRID_OFFSET]];
