/**
 * A classic BPF program (<linux/filter.h>) for a raw VRRP socket: the kernel hands over only the packets of our own
 * VRIDs, so that those of others cost no wake-up. It looks at nothing else, so that a packet of ours that is wrong in
 * some other way still is counted for what is wrong with it.
 */
import type { Family } from '../model/address.ts';

/** sizeof(struct sock_filter). */
const INSTRUCTION_BYTES = 8;
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

interface Instruction {
  readonly code: number;
  /** Instructions to skip: when the comparison holds, and when it does not. */
  readonly onTrue?: number;
  readonly onFalse?: number;
  readonly k: number;
}

/**
 * The program as an array of `struct sock_filter` in the machine's byte order. A raw IPv4 socket's filter sees the
 * packet from its IP header on, a raw IPv6 socket's only what follows the headers. No VRID lets nothing through.
 * Throws RangeError for a VRID that is none.
 */
export const vridFilter = (family: Family, vrids: Iterable<number>): Uint8Array =>
  assemble(program(family, bitmap(vrids)));

/** `len` of `struct sock_fprog`. */
export const instructionCount = (filter: Uint8Array): number => filter.length / INSTRUCTION_BYTES;

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
      { code: OP.jumpIfEqual, onTrue: 0, onFalse: 2, k: index },
      { code: OP.loadConstant, k: word },
      { code: OP.jump, k: toTest },
    ];
  });
  return [
    ...loadVrid(family),
    { code: OP.storeMemory, k: 0 },
    { code: OP.and, k: 31 },
    { code: OP.moveToX, k: 0 },
    { code: OP.loadMemory, k: 0 },
    { code: OP.shiftRight, k: 5 },
    ...chain,
    { code: OP.return, k: 0 },
    { code: OP.shiftRightByX, k: 0 },
    { code: OP.and, k: 1 },
    { code: OP.jumpIfEqual, onTrue: 0, onFalse: 1, k: 1 },
    { code: OP.return, k: WHOLE },
    { code: OP.return, k: 0 },
  ];
}

/** A packet that ends before its VRID ends the program too, and is not let through. */
const loadVrid = (family: Family): readonly Instruction[] =>
  family === 'ipv4'
    ? [
        { code: OP.loadHeaderLength, k: 0 },
        { code: OP.loadByteBehindX, k: VRID_OFFSET },
      ]
    : [{ code: OP.loadByte, k: VRID_OFFSET }];

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, onTrue = 0, onFalse = 0, k }, i) => {
    const at = i * INSTRUCTION_BYTES;
    view.setUint16(at, code, LITTLE_ENDIAN);
    view.setUint8(at + 2, onTrue);
    view.setUint8(at + 3, onFalse);
    view.setUint32(at + 4, k, LITTLE_ENDIAN);
  });
  return bytes;
}
