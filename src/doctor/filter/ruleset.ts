/**
 * Packet filters as far as one packet's way through them goes: chains of rules, whoever wrote them. Not every test can
 * be told from outside (a set that changes, a limit), nor what every target does: the packet may then go either way,
 * and what may become of it is followed on every way.
 */
import type { Family, IpAddress } from '../../model/address.ts';

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** A packet that should get through. */
export interface Probe {
  readonly family: Family;
  readonly hook: Hook;
  /** Of linux/in.h, as getprotobyname(3) names it: tcp, udp, sctp, vrrp, ipip, gre, ipv6; `arp request`, `arp reply`. */
  readonly protocol: string;
  /** Where it comes in, or goes out (output, postrouting); undefined: not known, but from or to outside. */
  readonly link: string | undefined;
  /** Where it is sent on by (forward); undefined: not known. */
  readonly out: string | undefined;
  readonly source: IpAddress | undefined;
  readonly destination: IpAddress | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  /** What connection tracking takes it for; undefined: not known. */
  readonly state: 'new' | 'established' | 'invalid' | 'untracked' | undefined;
}

/** A probe of which no more is known than its family, hook and protocol. */
export const ANYWHERE = {
  link: undefined,
  out: undefined,
  source: undefined,
  destination: undefined,
  sourcePort: undefined,
  destinationPort: undefined,
  state: undefined,
} as const;

export type Answer = 'yes' | 'no' | 'maybe';
export type Test = (probe: Probe) => Answer;

export type Action =
  /** unsure: may accept it, drop it, or let it go on. */
  | { readonly kind: 'accept' | 'drop' | 'return' | 'continue' | 'unsure' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  readonly tests: readonly Test[];
  readonly action: Action;
  /** As its owner would write it. */
  readonly text: string;
}

/** Where a chain is, as the program that keeps it names it. */
export interface ChainPlace {
  readonly program: 'nft' | 'iptables' | 'ip6tables' | 'iptables-legacy' | 'ip6tables-legacy' | 'arptables';
  /** Of nft: the family of the table. */
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

export interface Chain {
  /** Unique in the ruleset: family, table and name. */
  readonly id: string;
  readonly place: ChainPlace;
  readonly families: readonly Family[];
  /** undefined: only jumped to. */
  readonly hook: { readonly hook: Hook; readonly priority: number } | undefined;
  /** Whether only some packets of its hook come here, and nobody can tell which: those of one device. */
  readonly partial: boolean;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly Rule[];
  /** How many rules its program lists, those included that decide nothing. */
  readonly listed: number;
}

export type Ruleset = readonly Chain[];

export interface Verdict {
  readonly verdict: 'accept' | 'drop' | 'unsure';
  /** Which chain and rule decided, or may; '' for accept. */
  readonly by: string;
  /** The chain of the hook where that is so: a rule at its head decides first. undefined for accept. */
  readonly chain: Chain | undefined;
}

/** `nftables chain inet filter input`, `iptables filter INPUT`. */
const chainName = ({ place: { program, family, table, name } }: Chain): string =>
  program === 'nft' ? `nftables chain ${family} ${table} ${name}` : `${program} ${table} ${name}`;

export const ACCEPT: Verdict = { verdict: 'accept', by: '', chain: undefined };
/** Jumps go no deeper in the kernel (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;

/** The packet's way through every chain of its hook: it must be accepted by all of them. */
export function verdictOf(ruleset: Ruleset, probe: Probe): Verdict {
  const passage = new Passage(ruleset, probe);
  const bases = ruleset
    .filter(({ hook, families }) => hook?.hook === probe.hook && families.includes(probe.family))
    .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
  let unsure: Verdict | undefined;
  for (const chain of bases) {
    const { accepted, droppedBy } = passage.base(chain);
    if (droppedBy === undefined) continue;
    if (!accepted) return { verdict: 'drop', by: droppedBy, chain };
    unsure ??= { verdict: 'unsure', by: droppedBy, chain };
  }
  return unsure ?? ACCEPT;
}

/** What may become of a packet in a rule or a chain: each on one of the ways that it may go. */
interface Outcome {
  readonly accepted: boolean;
  readonly droppedBy: string | undefined;
  /** It goes on behind. */
  readonly goesOn: boolean;
  /** It leaves the chain. */
  readonly leaves: boolean;
}

const NOTHING: Outcome = { accepted: false, droppedBy: undefined, goesOn: false, leaves: false };
const GOES_ON: Outcome = { ...NOTHING, goesOn: true };

/** One packet in one ruleset. What becomes of it in a chain is the same wherever it is jumped to from. */
class Passage {
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #probe: Probe;
  readonly #known = new Map<string, Outcome>();

  constructor(ruleset: Ruleset, probe: Probe) {
    this.#chains = chainsById(ruleset);
    this.#probe = probe;
  }

  base(chain: Chain): Outcome {
    const { accepted, droppedBy, goesOn } = this.#through(chain, 0);
    return {
      ...NOTHING,
      accepted: accepted || chain.partial || (goesOn && chain.policy === 'accept'),
      droppedBy:
        droppedBy ?? (goesOn && chain.policy === 'drop' ? `the policy of ${chainName(chain)}` : undefined),
    };
  }

  /** `goesOn`: it came out at the end, or returned. */
  #through(chain: Chain, depth: number): Outcome {
    const known = this.#known.get(chain.id);
    if (known !== undefined) return known;
    let { accepted, droppedBy, leaves } = NOTHING;
    let reachesEnd = true;
    for (const rule of chain.rules) {
      const answer = allOf(rule.tests, this.#probe);
      if (answer === 'no') continue;
      const outcome = this.#outcomeOf(rule, chain, depth);
      accepted ||= outcome.accepted;
      droppedBy ??= outcome.droppedBy;
      leaves ||= outcome.leaves;
      if (answer === 'yes' && !outcome.goesOn) {
        reachesEnd = false;
        break;
      }
    }
    const outcome: Outcome = { accepted, droppedBy, goesOn: reachesEnd || leaves, leaves: false };
    this.#known.set(chain.id, outcome);
    return outcome;
  }

  #outcomeOf({ action, text }: Rule, chain: Chain, depth: number): Outcome {
    const by = `${chainName(chain)}: ${text}`;
    switch (action.kind) {
      case 'accept':
        return { ...NOTHING, accepted: true };
      case 'drop':
        return { ...NOTHING, droppedBy: by };
      case 'return':
        return { ...NOTHING, leaves: true };
      case 'continue':
        return GOES_ON;
      case 'unsure':
        return { ...GOES_ON, accepted: true, droppedBy: by };
      case 'jump':
      case 'goto': {
        const target = this.#chains.get(action.chain);
        if (target === undefined || depth >= DEEPEST) return { ...GOES_ON, accepted: true, droppedBy: by };
        const { goesOn, ...ends } = this.#through(target, depth + 1);
        return action.kind === 'jump' ? { ...ends, goesOn } : { ...ends, goesOn: false, leaves: goesOn };
      }
      default:
        return action satisfies never;
    }
  }
}

/** One ruleset is asked about many packets. */
const indexes = new WeakMap<Ruleset, ReadonlyMap<string, Chain>>();

function chainsById(ruleset: Ruleset): ReadonlyMap<string, Chain> {
  const known = indexes.get(ruleset);
  if (known !== undefined) return known;
  const index = new Map(ruleset.map((chain) => [chain.id, chain]));
  indexes.set(ruleset, index);
  return index;
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
