/** What an nftables rule tests (libnftables-json(5)): a match, or one key of a verdict map. What is not known says maybe. */
import { z } from 'zod';
import type { Test } from './ruleset.ts';
import {
  addressIs,
  anyOf,
  arpOperationIs,
  familyIs,
  linkIs,
  MAYBE,
  not,
  portIs,
  protocolIs,
  stateIs,
} from './tests.ts';

const Match = z.object({ op: z.string(), left: z.unknown(), right: z.unknown() });
const Meta = z.object({ meta: z.object({ key: z.string() }) });
const Connection = z.object({ ct: z.object({ key: z.string() }) });
const Payload = z.object({ payload: z.object({ protocol: z.string(), field: z.string() }) });
const PrefixValue = z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) });
const RangeValue = z.object({ range: z.tuple([z.unknown(), z.unknown()]) });
const SetValue = z.object({ set: z.array(z.unknown()) });
/** An element with a time-out, a counter or a comment. */
const ElementValue = z.object({ elem: z.object({ val: z.unknown() }) });

/** What an expression on the left is about. */
interface Subject {
  /** What a packet must be to have such a thing at all, whichever the operator. */
  readonly first: readonly Test[];
  readonly is: (value: unknown) => Test;
}

const UNKNOWN: Subject = { first: [], is: () => MAYBE };

/** The tests of one match; all must hold. */
export function matchTests(value: unknown): readonly Test[] {
  const match = Match.safeParse(value);
  if (!match.success) return [MAYBE];
  const { op, left, right } = match.data;
  // `in` is how nft puts a list of flags: one of them is enough.
  if (op !== '==' && op !== '!=' && op !== 'in') return [MAYBE];
  const { first, is } = subjectOf(left);
  const test = isAny(right, is);
  return [...first, op === '!=' ? not(test) : test];
}

/** The tests by which a packet takes the element `value` of a verdict map over `key`. */
export function keyTests(key: unknown, value: unknown): readonly Test[] {
  const { first, is } = subjectOf(key);
  return [...first, isAny(value, is)];
}

function isAny(right: unknown, is: Subject['is']): Test {
  const element = ElementValue.safeParse(right);
  if (element.success) return isAny(element.data.elem.val, is);
  const set = SetValue.safeParse(right);
  const values = set.success ? set.data.set : Array.isArray(right) ? right : undefined;
  if (values !== undefined) return anyOf(values.map((each) => isAny(each, is)));
  // A named set, whose elements come and go.
  if (typeof right === 'string' && right.startsWith('@')) return MAYBE;
  return is(right);
}

function subjectOf(left: unknown): Subject {
  const meta = Meta.safeParse(left);
  if (meta.success) return metaSubject(meta.data.meta.key);
  const connection = Connection.safeParse(left);
  if (connection.success)
    return connection.data.ct.key === 'state' ? { first: [], is: named(stateIs) } : UNKNOWN;
  const payload = Payload.safeParse(left);
  return payload.success ? payloadSubject(payload.data.payload) : UNKNOWN;
}

/** For a value that is a name or a number; what is more than that is not known. */
const named =
  (test: (name: string) => Test) =>
  (value: unknown): Test =>
    typeof value === 'string' || typeof value === 'number' ? test(String(value)) : MAYBE;

function metaSubject(key: string): Subject {
  switch (key) {
    case 'iifname':
    case 'iif':
      return { first: [], is: named((name) => linkIs(name)) };
    case 'oifname':
    case 'oif':
      return { first: [], is: named((name) => linkIs(name, 'out')) };
    case 'l4proto':
      return { first: [], is: named(protocolIs) };
    case 'nfproto':
      return { first: [], is: named((name) => FAMILY_NAMES[name] ?? MAYBE) };
    case 'protocol':
      return { first: [], is: named((name) => ETHER_TYPES[name] ?? MAYBE) };
    default:
      return UNKNOWN;
  }
}

const FAMILY_NAMES: Readonly<Record<string, Test>> = { ipv4: familyIs('ipv4'), ipv6: familyIs('ipv6') };
const ETHER_TYPES: Readonly<Record<string, Test>> = {
  ip: familyIs('ipv4'),
  ip6: familyIs('ipv6'),
  arp: () => 'no',
};

const is =
  (expected: number): Subject['is'] =>
  (value) =>
  () =>
    value === expected ? 'yes' : 'no';

/** Hardware and address lengths are those of IPv4 on Ethernet; the address asked for is its destination. */
const ARP_FIELDS: Readonly<Record<string, Subject>> = {
  htype: { first: [], is: is(1) },
  hlen: { first: [], is: is(6) },
  plen: { first: [], is: is(4) },
  operation: { first: [], is: named(arpOperationIs) },
  'saddr ip': { first: [], is: (value) => addressTest('source', value) },
  'daddr ip': { first: [], is: (value) => addressTest('destination', value) },
};

const PORT_PROTOCOLS = ['tcp', 'udp', 'sctp', 'dccp', 'udplite', 'icmp', 'icmpv6', 'esp', 'ah', 'comp'];

/** A port of TCP is none of UDP, even where nft leaves out that it depends on it. */
function payloadSubject({ protocol, field }: { protocol: string; field: string }): Subject {
  if (protocol === 'ip' || protocol === 'ip6') {
    const first = [familyIs(protocol === 'ip' ? 'ipv4' : 'ipv6')];
    if (field === 'saddr') return { first, is: (value) => addressTest('source', value) };
    if (field === 'daddr') return { first, is: (value) => addressTest('destination', value) };
    // The next header may be one of an extension, and the protocol behind that.
    if (field === 'nexthdr') return { first, is: () => MAYBE };
    return { first, is: field === 'protocol' ? named(protocolIs) : () => MAYBE };
  }
  if (protocol === 'arp') return ARP_FIELDS[field] ?? UNKNOWN;
  const first = PORT_PROTOCOLS.includes(protocol) ? [protocolIs(protocol)] : [];
  const which = field === 'dport' ? 'destinationPort' : field === 'sport' ? 'sourcePort' : undefined;
  return { first, is: which === undefined ? () => MAYBE : (value) => portTest(which, value) };
}

function addressTest(which: 'source' | 'destination', value: unknown): Test {
  const prefix = PrefixValue.safeParse(value);
  if (prefix.success) return addressIs(which, `${prefix.data.prefix.addr}/${prefix.data.prefix.len}`);
  return typeof value === 'string' ? addressIs(which, value) : MAYBE;
}

function portTest(which: 'sourcePort' | 'destinationPort', value: unknown): Test {
  const range = RangeValue.safeParse(value);
  const [from, to] = range.success ? range.data.range : [value, value];
  return typeof from === 'number' && typeof to === 'number' ? portIs(which, from, to) : MAYBE;
}
