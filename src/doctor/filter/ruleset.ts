/**
 * Packet filters as far as one packet's way through them goes: chains of rules, whoever wrote them. Not every test can
 * be told from outside (a set that changes, a limit, a connection's state): such a one says maybe.
 */
import type { Family, IpAddress } from '../../model/address.ts';

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** A packet that should get through. */
export interface Probe {
  readonly family: Family;
  readonly hook: Hook;
  /** Of linux/in.h, as getprotobyname(3) names it: tcp, udp, sctp, vrrp, ipip, gre, ipv6. */
  readonly protocol: string;
  /** Where it comes in; undefined: not known. */
  readonly link: string | undefined;
  readonly source: IpAddress | undefined;
  readonly destination: IpAddress | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export type Answer = 'yes' | 'no' | 'maybe';
export type Test = (probe: Probe) => Answer;

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'continue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  readonly tests: readonly Test[];
  readonly action: Action;
  /** As its owner would write it. */
  readonly text: string;
}

export interface Chain {
  /** Unique in the ruleset: family, table and name. */
  readonly id: string;
  /** As people know it: `inet filter input`. */
  readonly name: string;
  readonly families: readonly Family[];
  /** undefined: only jumped to. */
  readonly hook: { readonly hook: Hook; readonly priority: number } | undefined;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly Rule[];
}

export type Ruleset = readonly Chain[];

export interface Verdict {
  readonly verdict: 'accept' | 'drop' | 'unsure';
  /** Which chain and rule decided, or may; '' for accept. */
  readonly by: string;
}

const ACCEPT: Verdict = { verdict: 'accept', by: '' };
/** Jumps go no deeper in the kernel (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;

/** The packet's way through every chain of its hook: it must be accepted by all of them. */
export function verdictOf(ruleset: Ruleset, probe: Probe): Verdict {
  const chains = ruleset
    .filter(({ hook, families }) => hook?.hook === probe.hook && families.includes(probe.family))
    .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
  let unsure: Verdict | undefined;
  for (const chain of chains) {
    const verdict = throughChain(ruleset, chain, probe, 0);
    const whole = verdict === 'end' ? policyOf(chain) : verdict;
    if (whole.verdict === 'drop') return whole;
    if (whole.verdict === 'unsure') unsure ??= whole;
  }
  return unsure ?? ACCEPT;
}

const policyOf = (chain: Chain): Verdict =>
  chain.policy === 'accept' ? ACCEPT : { verdict: 'drop', by: `the policy of ${chain.name}` };

/** `end`: it came out at the end, or returned. A verdict that only may be reached makes every later one unsure. */
function throughChain(ruleset: Ruleset, chain: Chain, probe: Probe, depth: number): Verdict | 'end' {
  let mayDrop: string | undefined;
  let mayAccept = false;
  for (const rule of chain.rules) {
    const answer = allOf(rule.tests, probe);
    if (answer === 'no') continue;
    const outcome = actionOf(ruleset, rule, chain, probe, depth);
    if (outcome === 'continue') continue;
    if (answer === 'yes' && outcome === 'end') break;
    if (answer === 'yes' && outcome !== 'end' && outcome.verdict !== 'unsure')
      return settle(outcome, mayDrop, mayAccept);
    // Only perhaps: what it would do is remembered, and the packet goes on.
    if (outcome === 'end') continue;
    if (outcome.verdict === 'accept') mayAccept = true;
    else mayDrop ??= outcome.by;
  }
  if (chain.hook !== undefined) return settle(policyOf(chain), mayDrop, mayAccept);
  return mayDrop === undefined ? 'end' : { verdict: 'unsure', by: mayDrop };
}

function settle(verdict: Verdict, mayDrop: string | undefined, mayAccept: boolean): Verdict {
  if (verdict.verdict === 'accept')
    return mayDrop === undefined ? verdict : { verdict: 'unsure', by: mayDrop };
  return mayAccept ? { verdict: 'unsure', by: verdict.by } : verdict;
}

function allOf(tests: readonly Test[], probe: Probe): Answer {
  let answer: Answer = 'yes';
  for (const test of tests) {
    const each = test(probe);
    if (each === 'no') return 'no';
    if (each === 'maybe') answer = 'maybe';
  }
  return answer;
}

function actionOf(
  ruleset: Ruleset,
  { action, text }: Rule,
  chain: Chain,
  probe: Probe,
  depth: number,
): Verdict | 'end' | 'continue' {
  switch (action.kind) {
    case 'accept':
      return ACCEPT;
    case 'drop':
      return { verdict: 'drop', by: `${chain.name}: ${text}` };
    case 'return':
      return 'end';
    case 'continue':
      return 'continue';
    case 'jump':
    case 'goto': {
      const target = ruleset.find(({ id }) => id === action.chain);
      if (target === undefined || depth >= DEEPEST) return 'continue';
      const verdict = throughChain(ruleset, target, probe, depth + 1);
      if (verdict !== 'end') return verdict;
      return action.kind === 'jump' ? 'continue' : 'end';
    }
    default:
      return action satisfies never;
  }
}
