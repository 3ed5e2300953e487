/** `nft -j list ruleset` (libnftables-json(5)) as chains of rules. What it does not know says maybe. */
import { z } from 'zod';
import type { Family } from '../../model/address.ts';
import type { Action, Chain, Hook, Rule, Ruleset, Test } from './ruleset.ts';
import { addressIs, anyOf, linkIs, MAYBE, not, portIs, protocolIs } from './tests.ts';

const ChainObject = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
});
const RuleObject = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  expr: z.array(z.record(z.string(), z.unknown())).optional(),
});
const Document = z.object({
  nftables: z.array(z.object({ chain: ChainObject.optional(), rule: RuleObject.optional() })),
});

const FAMILIES: Readonly<Record<string, readonly Family[]>> = {
  ip: ['ipv4'],
  ip6: ['ipv6'],
  inet: ['ipv4', 'ipv6'],
};
const HOOKS: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'] satisfies Hook[];

/** Throws for what nft did not write. Tables of `ours` are left out: they are meant so. */
export function parseNftables(text: string, ours: readonly string[]): Ruleset {
  const { nftables } = Document.parse(JSON.parse(text));
  const rules = Map.groupBy(
    nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    ({ family, table, chain }) => `${family} ${table} ${chain}`,
  );
  return nftables.flatMap(({ chain }): Chain[] => {
    const families = chain === undefined ? undefined : FAMILIES[chain.family];
    if (chain === undefined || families === undefined || ours.includes(chain.table)) return [];
    const id = `${chain.family} ${chain.table} ${chain.name}`;
    return [
      {
        id,
        name: `nftables chain ${id}`,
        families,
        hook:
          chain.hook !== undefined && HOOKS.includes(chain.hook)
            ? { hook: chain.hook as Hook, priority: chain.prio ?? 0 }
            : undefined,
        policy: chain.policy === 'drop' ? 'drop' : 'accept',
        rules: (rules.get(id) ?? []).map((rule) => toRule(rule.expr ?? [], `${chain.family} ${chain.table}`)),
      },
    ];
  });
}

type Statement = Readonly<Record<string, unknown>>;

function toRule(statements: readonly Statement[], table: string): Rule {
  const tests = statements.flatMap(toTest);
  const action = statements.map((statement) => toAction(statement, table)).find((each) => each !== undefined);
  return {
    tests,
    action: action ?? { kind: 'continue' },
    text: JSON.stringify(statements).slice(0, 200),
  };
}

/** Statements that let every packet go on. */
const HARMLESS = ['counter', 'log', 'mangle', 'notrack', 'meter', 'set', 'dup'];

function toAction(statement: Statement, table: string): Action | undefined {
  const target = statement.jump ?? statement.goto;
  if (typeof target === 'object' && target !== null && 'target' in target)
    return { kind: 'jump' in statement ? 'jump' : 'goto', chain: `${table} ${String(target.target)}` };
  if ('accept' in statement) return { kind: 'accept' };
  if ('drop' in statement || 'reject' in statement) return { kind: 'drop' };
  if ('return' in statement) return { kind: 'return' };
  return undefined;
}

function toTest(statement: Statement): readonly Test[] {
  if ('match' in statement) return [toMatch(statement.match)];
  const known = toAction(statement, '') !== undefined || HARMLESS.some((word) => word in statement);
  return known ? [] : [MAYBE];
}

const Match = z.object({ op: z.string(), left: z.unknown(), right: z.unknown() });
const Meta = z.object({ meta: z.object({ key: z.string() }) });
const Payload = z.object({ payload: z.object({ protocol: z.string(), field: z.string() }) });

function toMatch(value: unknown): Test {
  const match = Match.safeParse(value);
  if (!match.success) return MAYBE;
  const { op, left, right } = match.data;
  if (op !== '==' && op !== '!=') return MAYBE;
  const test = anyValue(right, leftTest(left));
  return op === '==' ? test : not(test);
}

/** A test for one value on the right. */
type ValueTest = (value: unknown) => Test;

function leftTest(left: unknown): ValueTest {
  const meta = Meta.safeParse(left);
  if (meta.success) return metaTest(meta.data.meta.key);
  const payload = Payload.safeParse(left);
  return payload.success ? payloadTest(payload.data.payload) : () => MAYBE;
}

function metaTest(key: string): ValueTest {
  switch (key) {
    case 'iifname':
    case 'iif':
      return (value) => linkIs(String(value));
    case 'l4proto':
      return (value) => protocolIs(String(value));
    case 'nfproto':
      return (value) => (probe) => (String(value) === probe.family ? 'yes' : 'no');
    default:
      return () => MAYBE;
  }
}

const PORT_PROTOCOLS = ['tcp', 'udp', 'sctp', 'dccp'];

function payloadTest({ protocol, field }: { protocol: string; field: string }): ValueTest {
  if (protocol === 'ip' || protocol === 'ip6') {
    if (field === 'saddr') return (value) => addressTest('source', value);
    if (field === 'daddr') return (value) => addressTest('destination', value);
    return field === 'protocol' || field === 'nexthdr' ? (value) => protocolIs(String(value)) : () => MAYBE;
  }
  const which = field === 'dport' ? 'destinationPort' : field === 'sport' ? 'sourcePort' : undefined;
  if (which === undefined) return () => MAYBE;
  const ports: ValueTest = (value) => portTest(which, value);
  if (!PORT_PROTOCOLS.includes(protocol)) return ports;
  // A port of TCP is none of UDP, even where nft left out that it depends on it.
  return (value) => (probe) => (probe.protocol === protocol ? ports(value)(probe) : 'no');
}

const PrefixValue = z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) });
const RangeValue = z.object({ range: z.tuple([z.unknown(), z.unknown()]) });
const SetValue = z.object({ set: z.array(z.unknown()) });

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

function anyValue(right: unknown, test: ValueTest): Test {
  const set = SetValue.safeParse(right);
  if (set.success) return anyOf(set.data.set.map(test));
  // A named set, whose elements come and go.
  if (typeof right === 'string' && right.startsWith('@')) return MAYBE;
  return test(right);
}
