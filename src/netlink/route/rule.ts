/** Policy rules over rtnetlink: struct fib_rule_hdr and FRA_* (linux/fib_rules.h). */
import { addressFromBytes, addressToBytes, type Family, type Prefix } from '../../model/address.ts';
import type { PortRange, RuleSpec } from '../../model/routes.ts';
import { Attributes } from '../attribute.ts';
import { AttributeWriter, u32Bytes } from '../attribute-writer.ts';
import { FAMILY_NUMBER, familyOfNumber } from '../family.ts';
import { type Fault, type Malformed, Reader } from '../reader.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;
/** Multicast groups of notices about rules. */
export const RTNLGRP_IPV4_RULE = 8;
export const RTNLGRP_IPV6_RULE = 19;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
const FIB_RULE_INVERT = 2;
const FR_ACT_TO_TBL = 1;
const WHOLE_MARK = 0xffffffff;

type RejectAction = Extract<RuleSpec['action'], string>;
const REJECT_ACTIONS: Readonly<Record<RejectAction, number>> = { blackhole: 6, unreachable: 7, prohibit: 8 };

/** A rule as the kernel knows it. One that was decoded has its priority in any case. */
export interface RuleEntry extends RuleSpec {
  /** RTPROT_*: who made it; 0 where nobody said. */
  readonly protocol: number;
}

/** For a dump of one family's rules. */
export const encodeRuleDump = (family: Family): Uint8Array =>
  new AttributeWriter().raw([FAMILY_NUMBER[family], ...Array(11).fill(0)]).finish();

/** For RTM_NEWRULE and RTM_DELRULE. Throws RangeError for a number that does not fit where it belongs. */
export function encodeRule(rule: RuleEntry): Uint8Array {
  const { action, from, to } = rule;
  const table = typeof action === 'object' ? action.table : 0;
  const writer = new AttributeWriter().raw([
    ...[FAMILY_NUMBER[rule.family], to?.length ?? 0, from?.length ?? 0, rule.tos ?? 0],
    ...[table < 256 ? table : 0, 0, 0, typeof action === 'object' ? FR_ACT_TO_TBL : REJECT_ACTIONS[action]],
    ...u32Bytes(rule.not === true ? FIB_RULE_INVERT : 0, 'flags'),
  ]);
  writer.u8(FRA_PROTOCOL, rule.protocol);
  if (typeof action === 'object') writer.u32(FRA_TABLE, table);
  if (rule.priority !== undefined) writer.u32(FRA_PRIORITY, rule.priority);
  if (to !== undefined) writer.attribute(FRA_DST, addressToBytes(to.address));
  if (from !== undefined) writer.attribute(FRA_SRC, addressToBytes(from.address));
  if (rule.iif !== undefined) writer.string(FRA_IIFNAME, rule.iif);
  if (rule.oif !== undefined) writer.string(FRA_OIFNAME, rule.oif);
  if (rule.fwmark !== undefined) {
    writer.u32(FRA_FWMARK, rule.fwmark.mark);
    writer.u32(FRA_FWMASK, rule.fwmark.mask ?? WHOLE_MARK);
  }
  if (rule.ipProtocol !== undefined) writer.u8(FRA_IP_PROTO, rule.ipProtocol);
  if (rule.sourcePort !== undefined) writer.attribute(FRA_SPORT_RANGE, rangeBytes(rule.sourcePort));
  if (rule.destinationPort !== undefined) writer.attribute(FRA_DPORT_RANGE, rangeBytes(rule.destinationPort));
  return writer.finish();
}

/** struct fib_rule_port_range, in host order. */
function rangeBytes({ first, last }: PortRange): Uint8Array {
  for (const port of [first, last])
    if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new RangeError(`port ${port}`);
  return new Uint8Array(Uint16Array.of(first, last).buffer);
}

/**
 * The rule of an RTM_NEWRULE or RTM_DELRULE; undefined for one of another family, or with an action that no RuleSpec
 * can name (goto, nop).
 */
export function decodeRule(payload: Uint8Array): RuleEntry | Malformed | undefined {
  const reader = new Reader(payload, 'rule');
  const family = familyOfNumber(reader.u8());
  const toLength = reader.u8();
  const fromLength = reader.u8();
  const tos = reader.u8();
  const shortTable = reader.u8();
  reader.skip(2);
  const action = reader.u8();
  const flags = reader.u32();
  const { fault } = reader;
  const reject = rejectAction(action);
  const unknown = family === undefined || (action !== FR_ACT_TO_TBL && reject === undefined);
  if (unknown && fault.reason === undefined) return undefined;
  const attributes = Attributes.from(reader);
  const known = family ?? 'ipv4';
  const table = attributes.has(FRA_TABLE) ? attributes.u32(FRA_TABLE) : shortTable;
  return reader.finish({
    family: known,
    priority: attributes.has(FRA_PRIORITY) ? attributes.u32(FRA_PRIORITY) : 0,
    action: reject ?? { table },
    protocol: attributes.has(FRA_PROTOCOL) ? attributes.u8(FRA_PROTOCOL) : 0,
    ...(attributes.has(FRA_SRC) && { from: readPrefix(attributes, FRA_SRC, known, fromLength, fault) }),
    ...(attributes.has(FRA_DST) && { to: readPrefix(attributes, FRA_DST, known, toLength, fault) }),
    ...(attributes.has(FRA_IIFNAME) && { iif: attributes.string(FRA_IIFNAME) }),
    ...(attributes.has(FRA_OIFNAME) && { oif: attributes.string(FRA_OIFNAME) }),
    ...(attributes.has(FRA_FWMARK) && { fwmark: readMark(attributes) }),
    ...(tos !== 0 && { tos }),
    ...(attributes.has(FRA_IP_PROTO) && { ipProtocol: attributes.u8(FRA_IP_PROTO) }),
    ...(attributes.has(FRA_SPORT_RANGE) && { sourcePort: readRange(attributes, FRA_SPORT_RANGE) }),
    ...(attributes.has(FRA_DPORT_RANGE) && { destinationPort: readRange(attributes, FRA_DPORT_RANGE) }),
    ...((flags & FIB_RULE_INVERT) !== 0 && { not: true }),
  });
}

const rejectAction = (number: number): RejectAction | undefined =>
  (Object.keys(REJECT_ACTIONS) as RejectAction[]).find((action) => REJECT_ACTIONS[action] === number);

function readPrefix(
  attributes: Attributes,
  type: number,
  family: Family,
  length: number,
  fault: Fault,
): Prefix {
  const size = family === 'ipv4' ? 4 : 16;
  if (length > 8 * size) fault.report(`prefix length ${length}`);
  return { address: addressFromBytes(attributes.bytes(type, size)), length };
}

function readMark(attributes: Attributes): NonNullable<RuleSpec['fwmark']> {
  const mark = attributes.u32(FRA_FWMARK);
  const mask = attributes.has(FRA_FWMASK) ? attributes.u32(FRA_FWMASK) : WHOLE_MARK;
  return mask === WHOLE_MARK ? { mark } : { mark, mask };
}

function readRange(attributes: Attributes, type: number): PortRange {
  const bytes = attributes.bytes(type, 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { first: view.getUint16(0, true), last: view.getUint16(2, true) };
}
