/** What packet filters do with ARP: nftables' family arp, which arptables-nft uses too, and the old arptables. Pure. */
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { Config } from '../../model/config.ts';
import type { RealServerRole } from '../../prepare/real-server.ts';
import { type Finding, good, problem, warning } from '../finding.ts';
import type { Action, Chain, Hook, Probe, Rule, Ruleset, Test } from './ruleset.ts';
import { ANYWHERE, verdictOf } from './ruleset.ts';
import { addressIs, arpOperationIs, linkIs, MAYBE, not } from './tests.ts';

interface ArpPassage {
  readonly probe: Probe;
  readonly what: string;
  readonly breaks: string;
}

/** `source` and `destination` are those of ARP: the address that asks or tells, and the one that is asked for. */
const arpProbe = (hook: 'input' | 'output', operation: 'request' | 'reply', of: Partial<Probe>): Probe => ({
  ...ANYWHERE,
  family: 'ipv4',
  hook,
  protocol: `arp ${operation}`,
  ...of,
});

/** That of a virtual address which is asked for, and told of. */
const speaking = (address: IpAddress, link: string | undefined, breaks: string): readonly ArpPassage[] => [
  {
    probe: arpProbe('input', 'request', { link, destination: address }),
    what: `ARP requests for ${address}`,
    breaks,
  },
  { probe: arpProbe('output', 'reply', { source: address }), what: `ARP replies of ${address}`, breaks },
];

export const directorArpPassages = ({ virtualRouters }: Pick<Config, 'virtualRouters'>) =>
  virtualRouters.flatMap(({ interface: link, vmac, addresses }) =>
    addresses
      .filter(({ address }) => familyOf(address) === 'ipv4')
      .flatMap(({ address, device }) =>
        speaking(
          address,
          device ?? vmac?.device ?? link,
          'no client finds the virtual address when it is here',
        ),
      ),
  );

/** `own`: addresses by which this host is reached. */
export const realServerArpPassages = (own: readonly IpAddress[]): readonly ArpPassage[] =>
  own.flatMap((address) => speaking(address, undefined, 'the director does not reach this host'));

/** One for each that is, or may be, dropped. Nothing is said of a host without such rules. */
export function arpFindings(ruleset: Ruleset, passages: readonly ArpPassage[]): readonly Finding[] {
  if (ruleset.length === 0) return [];
  const found = passages.flatMap(({ probe, what, breaks }) => {
    const { verdict, by, chain } = verdictOf(ruleset, probe);
    if (chain === undefined) return [];
    const mend = `${passCommand(chain, probe)}; and in the file that makes these rules, so that it lasts`;
    const finding =
      verdict === 'drop'
        ? problem(`${what}: dropped by ${by}`, breaks, mend)
        : warning(`${what}: perhaps dropped by ${by}`, breaks, mend);
    return [{ ...finding, cause: by }];
  });
  return found.length > 0 ? found : [good('filters of ARP let through what is needed')];
}

function passCommand({ place: { program, table, name } }: Chain, { source, destination }: Probe): string {
  if (program === 'nft') {
    const match = source === undefined ? `daddr ip ${destination}` : `saddr ip ${source}`;
    return `nft insert rule arp ${table} ${name} arp ${match} accept`;
  }
  return `arptables -I ${name} ${source === undefined ? `-d ${destination}` : `-s ${source}`} -j ACCEPT`;
}

/** The rule that keeps this host quiet about each IPv4 VIP of `roles`, in place of arp_ignore; undefined where one is not. */
export function hiddenByArpRules(ruleset: Ruleset, roles: readonly RealServerRole[]): string | undefined {
  const vips = roles.flatMap(({ vips }) => vips).filter((vip) => familyOf(vip) === 'ipv4');
  const rules = vips.map((vip) => {
    const asked = verdictOf(ruleset, arpProbe('input', 'request', { destination: vip }));
    const told = verdictOf(ruleset, arpProbe('output', 'reply', { source: vip }));
    return [asked, told].find(({ verdict }) => verdict === 'drop')?.by;
  });
  return rules.includes(undefined) ? undefined : rules[0];
}

/** arptables-save of the old tables. */
export function parseArptables(text: string): Ruleset {
  const chains = new Map<string, Omit<Chain, 'rules'> & { readonly rules: Rule[] }>();
  for (const line of text.split('\n')) {
    const [, declared = '', policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (declared !== '') chains.set(declared, emptyChain(declared, policy === 'DROP'));
    const [, name = '', rule = ''] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    chains.get(name)?.rules.push(toRule(rule));
  }
  return [...chains.values()].map((chain) => ({ ...chain, listed: chain.rules.length }));
}

const HOOKS: Readonly<Record<string, Hook>> = { INPUT: 'input', OUTPUT: 'output', FORWARD: 'forward' };

function emptyChain(name: string, drops: boolean) {
  const hook = HOOKS[name];
  return {
    id: `arptables ${name}`,
    place: { program: 'arptables' as const, family: '', table: 'filter', name },
    families: ['ipv4'] as const,
    hook: hook && { hook, priority: 0 },
    partial: false,
    policy: drops ? ('drop' as const) : ('accept' as const),
    rules: [],
    listed: 0,
  };
}

function toRule(text: string): Rule {
  const words = text.split(/\s+/);
  const tests: Test[] = [];
  let action: Action = { kind: 'continue' };
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!word.startsWith('-')) continue;
    // The newer form puts it before the option, the older behind.
    const negated = words[i - 1] === '!' || words[i + 1] === '!';
    const value = words[i + (words[i + 1] === '!' ? 2 : 1)] ?? '';
    if (word === '-j') action = toAction(value);
    else if (!word.startsWith('--mangle')) {
      const test = toTest(word, value);
      tests.push(negated ? not(test) : test);
    }
  }
  return { tests, action, text };
}

function toTest(option: string, value: string): Test {
  switch (option) {
    case '-s':
      return addressIs('source', value);
    case '-d':
      return addressIs('destination', value);
    case '-i':
      return linkIs(value);
    case '--opcode':
      return arpOperationIs(value);
    default:
      return MAYBE;
  }
}

/** mangle puts another address in, and lets it go. */
function toAction(target: string): Action {
  switch (target) {
    case 'ACCEPT':
    case 'mangle':
      return { kind: 'accept' };
    case 'DROP':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'CONTINUE':
    case 'CLASSIFY':
    case 'MARK':
      return { kind: 'continue' };
    default:
      return { kind: 'jump', chain: `arptables ${target}` };
  }
}
