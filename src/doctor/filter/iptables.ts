/** iptables-save(8) as chains of rules. What it does not know says maybe. */
import type { Action, Chain, ChainPlace, Hook, Rule, Ruleset, Test } from './ruleset.ts';
import { addressIs, anyOf, linkIs, MAYBE, not, portIs, protocolIs, stateIs } from './tests.ts';

const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};
/** enum nf_ip_hook_priorities of linux/netfilter_ipv4.h. */
const PRIORITY: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };

/** Filled line by line. */
interface SavedChain extends Chain {
  readonly rules: Rule[];
  listed: number;
}

/** Tables that translate addresses (nat) drop nothing and are left out. */
export function parseIptables(
  text: string,
  program: Exclude<ChainPlace['program'], 'nft' | 'arptables'>,
): Ruleset {
  const family = program.startsWith('ip6') ? 'ipv6' : 'ipv4';
  const chains = new Map<string, SavedChain>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const priority = PRIORITY[table];
    if (priority === undefined) continue;
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared !== null) {
      const [, name = '', policy = ''] = declared;
      const id = `${program} ${table} ${name}`;
      const hook = HOOKS[name];
      chains.set(id, {
        id,
        place: { program, family: '', table, name },
        families: [family],
        hook: hook && { hook, priority },
        partial: false,
        policy: policy === 'DROP' ? 'drop' : 'accept',
        rules: [],
        listed: 0,
      });
    }
    const added = /^(?:\[\d+:\d+\] )?-A (\S+) (.*)$/.exec(line);
    const chain = chains.get(`${program} ${table} ${added?.[1] ?? ''}`);
    if (chain === undefined) continue;
    chain.rules.push(toRule(added?.[2] ?? '', `${program} ${table}`));
    chain.listed++;
  }
  return [...chains.values()];
}

/** Options whose values are of no interest, and how many there are. */
const IGNORED: Readonly<Record<string, number>> = { '--comment': 1 };
/** Modules that test nothing by themselves. */
const PLAIN_MODULES = ['tcp', 'udp', 'sctp', 'multiport', 'comment', 'state', 'conntrack'];

function toRule(text: string, table: string): Rule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const tests: Test[] = [];
  let action: Action = { kind: 'continue' };
  let negated = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '!') {
      negated = true;
      continue;
    }
    const value = words[i + 1] ?? '';
    if (word === '-j' || word === '-g') {
      action = toAction(value, word, table);
      // What follows are options of the target.
      break;
    } else if (word in IGNORED) i += IGNORED[word] ?? 0;
    else if (word.startsWith('-')) {
      const test = toTest(word, value);
      if (test !== undefined) tests.push(negated ? not(test) : test);
      // An option without a value is followed by another option.
      if (!value.startsWith('-') && value !== '!') i++;
    }
    negated = false;
  }
  return { tests, action, text };
}

/** Targets of iptables-extensions(8) that let every packet go on. */
const PASSING_TARGETS = [
  'AUDIT',
  'CHECKSUM',
  'CLASSIFY',
  'CONNMARK',
  'CONNSECMARK',
  'CT',
  'DSCP',
  'ECN',
  'HL',
  'LED',
  'LOG',
  'MARK',
  'NFLOG',
  'NOTRACK',
  'RATEEST',
  'SECMARK',
  'SET',
  'TCPMSS',
  'TEE',
  'TOS',
  'TRACE',
  'TTL',
  'ULOG',
];

function toAction(target: string, how: string, table: string): Action {
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    default:
      if (PASSING_TARGETS.includes(target)) return { kind: 'continue' };
      // A target that is not known is a chain that is not there: either may be.
      return { kind: how === '-g' ? 'goto' : 'jump', chain: `${table} ${target}` };
  }
}

/** undefined: it tests nothing. */
function toTest(option: string, value: string): Test | undefined {
  switch (option) {
    case '-p':
      return protocolIs(value);
    case '-i':
      return linkIs(value);
    case '-o':
      return linkIs(value, 'out');
    case '-s':
      return addressIs('source', value);
    case '-d':
      return addressIs('destination', value);
    case '--dport':
    case '--dports':
      return ports('destinationPort', value);
    case '--sport':
    case '--sports':
      return ports('sourcePort', value);
    case '--ctstate':
    case '--state':
      return anyOf(value.split(',').map(stateIs));
    case '-m':
      return PLAIN_MODULES.includes(value) ? undefined : MAYBE;
    default:
      return MAYBE;
  }
}

const ports = (which: 'sourcePort' | 'destinationPort', text: string): Test =>
  anyOf(
    text.split(',').map((part) => {
      const [from = '', to = from] = part.split(':');
      return portIs(which, Number(from || 0), Number(to || 65535));
    }),
  );
