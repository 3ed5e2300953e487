/** `nft -j list ruleset` (libnftables-json(5)) as chains of rules. What it does not know says maybe. */
import { z } from 'zod';
import type { Family } from '../../model/address.ts';
import { keyTests, matchTests } from './nft-tests.ts';
import { ruleText } from './nft-words.ts';
import type { Action, Chain, Hook, Rule, Ruleset, Test } from './ruleset.ts';
import { MAYBE } from './tests.ts';

const TableObject = z.object({ family: z.string(), name: z.string(), flags: z.unknown().optional() });
const ChainObject = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
});
const Statements = z.array(z.record(z.string(), z.unknown()));
const RuleObject = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  expr: Statements.optional(),
});
const Document = z.object({
  nftables: z.array(
    z.object({
      table: TableObject.optional(),
      chain: ChainObject.optional(),
      rule: RuleObject.optional(),
    }),
  ),
});

const FAMILIES: Readonly<Record<string, readonly Family[]>> = {
  ip: ['ipv4'],
  ip6: ['ipv6'],
  inet: ['ipv4', 'ipv6'],
  netdev: ['ipv4', 'ipv6'],
};
/** ingress comes before prerouting, and belongs to one device, which not every nft tells. */
const HOOKS: Readonly<Record<string, { readonly hook: Hook; readonly before: number }>> = {
  ingress: { hook: 'prerouting', before: 10_000 },
  prerouting: { hook: 'prerouting', before: 0 },
  input: { hook: 'input', before: 0 },
  forward: { hook: 'forward', before: 0 },
  output: { hook: 'output', before: 0 },
  postrouting: { hook: 'postrouting', before: 0 },
};

/** Throws for what nft did not write. Tables of `ours` are left out: they are meant so. */
export const parseNftables = (text: string, ours: readonly string[]): Ruleset =>
  chainsOf(text, ours, FAMILIES);

/** As `parseNftables`, the chains of ARP alone. */
export const parseNftablesArp = (text: string, ours: readonly string[]): Ruleset =>
  chainsOf(text, ours, { arp: ['ipv4'] });

function chainsOf(text: string, ours: readonly string[], known: typeof FAMILIES): Ruleset {
  const { nftables } = Document.parse(JSON.parse(text));
  const asleep = new Set(
    nftables.flatMap(({ table }) =>
      table !== undefined && isDormant(table.flags) ? [`${table.family} ${table.name}`] : [],
    ),
  );
  const rules = Map.groupBy(
    nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    ({ family, table, chain }) => `${family} ${table} ${chain}`,
  );
  return nftables.flatMap(({ chain }): Chain[] => {
    const families = chain === undefined ? undefined : known[chain.family];
    if (chain === undefined || families === undefined || ours.includes(chain.table)) return [];
    const { family, table, name, hook: hookName = '', prio = 0, policy } = chain;
    if (asleep.has(`${family} ${table}`)) return [];
    const id = `${family} ${table} ${name}`;
    const hook = HOOKS[hookName];
    return [
      {
        id,
        place: { program: 'nft', family, table, name },
        families,
        hook: hook && { hook: hook.hook, priority: prio - hook.before },
        partial: hookName === 'ingress',
        policy: policy === 'drop' ? 'drop' : 'accept',
        listed: rules.get(id)?.length ?? 0,
        rules: (rules.get(id) ?? []).flatMap(({ expr }) => toRules(expr ?? [], `${family} ${table}`)),
      },
    ];
  });
}

/** `["dormant"]`, or `"d"` of nft 1.0.6, which prints no more of it. */
const isDormant = (flags: unknown): boolean =>
  Array.isArray(flags) ? flags.includes('dormant') : typeof flags === 'string' && flags.startsWith('d');

type Statement = Readonly<Record<string, unknown>>;

/** One rule, or one for each element of a verdict map: a packet takes one of them at most. */
function toRules(statements: readonly Statement[], table: string): readonly Rule[] {
  const end = statements.findIndex((statement) => !isTest(statement) && !isHarmless(statement));
  const last = statements[end];
  if (last === undefined) return [];
  const text = ruleText(statements);
  const tests = statements.slice(0, end).flatMap(toTests);
  const map = Vmap.safeParse(last);
  if (!map.success) return [{ tests, action: toAction(last, table), text }];
  const { key, data } = map.data.vmap;
  return data.set.map(([value, verdict]) => ({
    tests: [...tests, ...keyTests(key, value)],
    action: toAction(verdict, table),
    text,
  }));
}

/** A named map is none of these: its elements come and go. */
const Vmap = z.object({
  vmap: z.object({
    key: z.unknown(),
    data: z.object({ set: z.array(z.tuple([z.unknown(), z.record(z.string(), z.unknown())])) }),
  }),
});

/** Statements that let some packets go on to the next, and statements that let all of them. */
const TESTS = ['match', 'limit', 'quota', 'ct count'];
const HARMLESS = [
  'counter',
  'last',
  'log',
  'mangle',
  'notrack',
  'meter',
  'set',
  'map',
  'dup',
  'flow',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'tproxy',
  'secmark',
];

/** A test of iptables-nft, which nft only names. */
const ForeignMatch = z.object({ xt: z.object({ type: z.literal('match') }) });

const ForeignMangle = z.object({ xt: z.object({ type: z.literal('target'), name: z.literal('mangle') }) });

const isTest = (statement: Statement): boolean =>
  TESTS.some((word) => word in statement) || ForeignMatch.safeParse(statement).success;
const isHarmless = (statement: Statement): boolean => HARMLESS.some((word) => word in statement);

function toTests(statement: Statement): readonly Test[] {
  if ('match' in statement) return matchTests(statement.match);
  return isTest(statement) ? [MAYBE] : [];
}

function toAction(statement: Statement, table: string): Action {
  const target = statement.jump ?? statement.goto;
  if (typeof target === 'object' && target !== null && 'target' in target)
    return { kind: 'jump' in statement ? 'jump' : 'goto', chain: `${table} ${String(target.target)}` };
  if ('accept' in statement) return { kind: 'accept' };
  if ('drop' in statement || 'reject' in statement) return { kind: 'drop' };
  if ('return' in statement) return { kind: 'return' };
  if ('continue' in statement) return { kind: 'continue' };
  // Of arptables: puts another address in, and lets it go.
  if (ForeignMangle.safeParse(statement).success) return { kind: 'accept' };
  return { kind: 'unsure' };
}
