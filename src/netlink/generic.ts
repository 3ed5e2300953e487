/**
 * Generic netlink (linux/genetlink.h): families by name, their number given out by the kernel as they register.
 * Every payload begins with command, version and two reserved bytes.
 */
import { Attributes } from './attribute.ts';
import { AttributeWriter } from './attribute-writer.ts';
import { type Malformed, Reader } from './reader.ts';

/** The family that knows the others. */
export const GENL_ID_CTRL = 0x10;
export const GENERIC_HEADER = 4;

const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** A payload of `command`, its attributes still to be written. */
export const genericPayload = (command: number, version: number): AttributeWriter =>
  new AttributeWriter().raw([command, version, 0, 0]);

/** Asks for the number of the family `name`; the kernel answers ENOENT when there is none. */
export const encodeGetFamily = (name: string): Uint8Array =>
  genericPayload(CTRL_CMD_GETFAMILY, 1).string(CTRL_ATTR_FAMILY_NAME, name).finish();

/** The number of the family: the message type under which it is spoken to. */
export function decodeFamily(payload: Uint8Array): number | Malformed {
  const reader = new Reader(payload, 'generic netlink family');
  reader.skip(GENERIC_HEADER);
  return reader.finish(Attributes.from(reader).u16(CTRL_ATTR_FAMILY_ID));
}
