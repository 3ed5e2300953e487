/** Classic BPF programs on sockets (linux/filter.h): packets of no interest are dropped in the kernel and wake nobody. */
import { Arena, SOL_SOCKET, setOption } from './libc.ts';

const SO_ATTACH_FILTER = 26;
const INSTRUCTION = 8;
/** struct sock_fprog: the count in 16 bits, and at the place of a pointer one to the instructions. */
const PROGRAM = 16;

/** One instruction: operation, how many to skip when a comparison holds and when it does not, operand. */
export type FilterInstruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** The operations that are used here. Loads are in network order, whatever the machine's is. */
export const BPF = {
  /** The byte, or the 16 bits, at the offset `operand`. */
  loadByte: 0x30,
  loadHalf: 0x28,
  /** The 32 bits at the offset `operand`. */
  loadWord: 0x20,
  /** As `loadWord`, at the offset X + `operand`. */
  loadWordBehindX: 0x40,
  loadConstant: 0x00,
  loadConstantToX: 0x01,
  moveToX: 0x07,
  /** Into the place `operand` of sixteen. */
  store: 0x02,
  loadStoredToX: 0x61,
  and: 0x54,
  jumpIfEqual: 0x15,
  jumpIfEqualToX: 0x1d,
  /** How many bytes to keep: 0 drops the packet. */
  return: 0x06,
  /**
   * Loaded as a word: the offset of the first netlink attribute of type X at the offset A or behind it, 0 where there
   * is none (SKF_AD_OFF + SKF_AD_NLATTR).
   */
  attributeOffset: 0xfffff000 + 12,
} as const;
export const KEEP_ALL = 0xffffffff;

/**
 * Takes the place of the filter before in one step. Throws SystemError: EINVAL for a program that the kernel does not
 * take, ENOMEM for one beyond net.core.optmem_max.
 */
export function attachFilter(fd: number, program: readonly FilterInstruction[], what: string): void {
  const arena = new Arena(PROGRAM + program.length * INSTRUCTION);
  const view = new DataView(arena.bytes.buffer);
  view.setUint16(0, program.length, true);
  view.setBigUint64(8, arena.address + BigInt(PROGRAM), true);
  program.forEach(([code, ifTrue, ifFalse, operand], i) => {
    const at = PROGRAM + i * INSTRUCTION;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, operand, true);
  });
  // The kernel copies it.
  setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, arena.bytes.subarray(0, PROGRAM), `SO_ATTACH_FILTER ${what}`);
}
