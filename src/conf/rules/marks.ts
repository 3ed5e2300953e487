/** Firewall marks: which families they are of, and what gets them. */
import { familyName, familyOf, type IpAddress } from '../../model/address.ts';
import type { PortRange } from '../../model/config.ts';
import type { Protocol } from '../../model/virtual-server.ts';
import { USUAL_PROTOCOL } from '../convert/entries.ts';
import { errorAt, type Finding, type Path, warningAt } from '../finding.ts';
import { type ConfigDraft, itemsOf } from './draft.ts';
import { readServices, type Service } from './service.ts';
import { EVERY_PORT, firstOverlap } from './virtual-servers.ts';

export function markFindings(draft: ConfigDraft): readonly Finding[] {
  const services = readServices(draft);
  const matches = services.flatMap(matchesOf);
  return [
    ...services.flatMap(familyAgreement),
    ...services.flatMap(unknownAddresses),
    ...repeatedPorts(services),
    ...markedTwice(matches),
    ...takenAway(matches, services),
  ];
}

/** One address of what gets a mark. */
interface Match {
  readonly service: Service;
  readonly path: Path;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly ports: readonly PortRange[];
}

const matchesOf = (service: Service): readonly Match[] =>
  itemsOf(service.value.match, [...service.path, 'match']).flatMap(({ path, value }) => {
    const { protocol } = value;
    const complete = value.ports?.flatMap((range) => range ?? []) ?? EVERY_PORT;
    if (protocol === undefined || !('mark' in service.value)) return [];
    return itemsOf(value.address, [...path, 'address']).map((item) => ({
      service,
      path: item.path,
      address: item.value,
      protocol,
      ports: complete,
    }));
  });

function familyAgreement({ path, value, addresses }: Service): readonly Finding[] {
  const { family } = value;
  if (family === undefined || !('mark' in value) || value.match === undefined) return [];
  const foreign = addresses
    .filter(({ address }) => family !== 'both' && familyOf(address) !== family)
    .map(({ path: at, address }) =>
      errorAt(
        at,
        `${address} is ${familyName(familyOf(address))}, but family is ${family}: write family: both, or remove it`,
      ),
    );
  if (family !== 'both') return foreign;
  const missing = (['ipv4', 'ipv6'] as const).filter(
    (each) => !addresses.some(({ address }) => familyOf(address) === each),
  );
  return missing.map((each) =>
    warningAt(
      [...path, 'family'],
      `match gives the mark to nothing of ${familyName(each)}: add an address, or remove family`,
    ),
  );
}

/** Source NAT is for packets to certain addresses. */
function unknownAddresses({ path, value }: Service): readonly Finding[] {
  if (value.forwarding !== 'fullnat' || !('mark' in value) || 'match' in value) return [];
  const message =
    'fullnat of a mark needs to know the addresses behind it: add match, or use another forwarding';
  return [errorAt([...path, 'forwarding'], message)];
}

const repeatedPorts = (services: readonly Service[]): readonly Finding[] =>
  services.flatMap(({ path, value }) =>
    itemsOf(value.match, [...path, 'match']).flatMap((item) => {
      const ports = (item.value.ports ?? []).flatMap((range) => range ?? []);
      const twice = firstOverlap(ports);
      if (twice === undefined) return [];
      const message = `port ${twice} is in this list twice: remove it from one of the ranges`;
      return [errorAt([...item.path, 'ports'], message)];
    }),
  );

/** A packet has one mark. One finding for each match that meets another. */
function markedTwice(matches: readonly Match[]): readonly Finding[] {
  const groups = Map.groupBy(matches, ({ address, protocol }) => `${protocol} ${address}`);
  return [...groups.values()].flatMap((group) => [...meetings(group).values()]);
}

/** In the order of ports, so that each range need only be compared with the one that reaches furthest before it. */
function meetings(group: readonly Match[]): ReadonlyMap<Match, Finding> {
  const findings = new Map<Match, Finding>();
  const ranges = group.flatMap((match, order) => match.ports.map((range) => ({ match, order, range })));
  let before: (typeof ranges)[number] | undefined;
  for (const each of ranges.toSorted((a, b) => a.range.from - b.range.from || a.order - b.order)) {
    if (before !== undefined && each.match !== before.match && each.range.from <= before.range.to) {
      const [first, second] = before.order < each.order ? [before, each] : [each, before];
      findings.set(second.match, markedAlready(second.match, first.match, each.range.from));
    }
    if (before === undefined || each.range.to > before.range.to) before = each;
  }
  return findings;
}

function markedAlready(match: Match, first: Match, port: number): Finding {
  const of = first.service === match.service ? 'here' : `from service "${first.service.name}"`;
  const message = `${match.protocol} port ${port} of ${match.address} gets a mark ${of} already: remove it from one of them`;
  return errorAt(match.path, message);
}

/** The kernel looks for the mark first (ip_vs_service_find() of ip_vs_ctl.c). */
function takenAway(matches: readonly Match[], services: readonly Service[]): readonly Finding[] {
  const byAddress = new Map<IpAddress, Service[]>();
  for (const service of matches.length === 0 ? [] : services) {
    for (const address of new Set(service.selector?.address))
      byAddress.set(address, [...(byAddress.get(address) ?? []), service]);
  }
  return matches.flatMap((match) =>
    (byAddress.get(match.address) ?? []).flatMap((service) => taken(match, service)),
  );
}

function taken(match: Match, { name, selector }: Service): readonly Finding[] {
  const { port, protocol = USUAL_PROTOCOL } = selector ?? {};
  // The rest of the ports is what `any` is for beside a mark.
  const rest = port === 'any' && match.ports !== EVERY_PORT;
  if (port === undefined || rest || protocol !== match.protocol) return [];
  const common = overlapOf(port === 'any' ? EVERY_PORT : port, match.ports);
  if (common === undefined) return [];
  const message = `${protocol} port ${common} of ${match.address} gets mark ${match.service.value.mark}, so it never reaches service "${name}": remove it from one of them`;
  return [warningAt(match.path, message)];
}

/** A port that both have. */
function overlapOf(a: readonly PortRange[], b: readonly PortRange[]): number | undefined {
  for (const one of a) {
    const other = b.find(({ from, to }) => from <= one.to && one.from <= to);
    if (other !== undefined) return Math.max(one.from, other.from);
  }
  return undefined;
}
