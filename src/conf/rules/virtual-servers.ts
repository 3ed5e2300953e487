/** Virtual servers among each other, and the addresses at which clients find them. */
import { isLinkLocal, isNotUnicast } from '../../model/address.ts';
import type { PortRange } from '../../model/config.ts';
import { tableKeyText } from '../../model/ipvs-table.ts';
import { onceForEach } from '../../model/once.ts';
import { toEntries } from '../convert/entries.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, pathText, warningAt } from '../finding.ts';
import { type ConfigDraft, duplicates, virtualRoutersOf } from './draft.ts';
import { entryCount, readServices, type Service } from './service.ts';
import { isMapped } from './virtual-addresses.ts';

/** Far more than a director balances; each one is an entry of the kernel's table with real servers of its own. */
const MOST_ENTRIES = 65_536;
/** Of the real servers of all entries: more takes the kernel minutes to list, and gigabytes to keep. */
const MOST_DESTINATIONS = 1_048_576;

export function virtualServerFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const services = readServices(draft);
  const held = heldAddresses(draft, environment);
  const virtual = virtualAddresses(draft);
  const tooMany = tooManyEntries(services);
  return [
    ...services.flatMap(byThemselves),
    ...services.flatMap((service) => heldByNobody(service, held)),
    // What cannot be expanded cannot be compared.
    ...(tooMany.length > 0 ? tooMany : [...sameEntries(services), ...services.flatMap(manyEntries)]),
    ...services.flatMap((service) => neverChecked(service, virtual)),
  ];
}

const byThemselves = onceForEach((service: Service): readonly Finding[] => [
  ...whatItIs(service),
  ...unusable(service),
  ...repeated(service),
]);

/** Either an address and a port, or a mark; each has keys of its own. */
function whatItIs({ path, value }: Service): readonly Finding[] {
  const foreign =
    'mark' in value ? (['address', 'port', 'protocol'] as const) : (['family', 'match'] as const);
  const message = (key: string) =>
    'mark' in value
      ? `${key} does not go together with mark: what gets the mark is said by match, so remove one of the two`
      : `${key} belongs to a mark: add mark, or remove it`;
  const contradicting = foreign
    .filter((key) => key in value)
    .map((key) => errorAtKey([...path, key], message(key)));
  if ('mark' in value) return contradicting;
  const missing = (['address', 'port'] as const).filter((key) => !(key in value));
  const words = {
    address: 'the address that clients use such as 10.1.1.254 (or a mark instead of address and port)',
    port: 'the port that clients use, a list of ports and ranges, or any',
  };
  return [
    ...contradicting,
    ...missing.map((key) => errorAtKey(path, `${pathText(path)}: missing key "${key}": ${words[key]}`)),
  ];
}

const unusable = ({ addresses }: Service): readonly Finding[] =>
  addresses.flatMap(({ path, address }) => {
    if (isNotUnicast(address))
      return [errorAt(path, `${address} is no address of a host: give a unicast address`)];
    if (isLinkLocal(address))
      return [
        errorAt(path, `${address} means something on one link only, and IPVS knows no links: give another`),
      ];
    if (!isMapped(address)) return [];
    return [errorAt(path, `${address} is an IPv4 address written as IPv6: write it as IPv4`)];
  });

/** The same address, or the same port, twice in one definition. */
function repeated(service: Service): readonly Finding[] {
  const { path, value, selector } = service;
  const addresses = duplicates(
    service.addresses.filter(({ path: at }) => at.at(path.length) === 'address'),
    ({ address }) => address,
    ({ path: at, address }) => errorAt(at, `${address} is in this list already: remove one of them`),
  );
  const port = selector?.port;
  if (port === undefined || port === 'any' || 'mark' in value) return addresses;
  const twice = firstOverlap(port);
  if (twice === undefined) return addresses;
  return [
    ...addresses,
    errorAt([...path, 'port'], `port ${twice} is in this list twice: remove it from one of the ranges`),
  ];
}

/** What `any` stands for. */
export const EVERY_PORT: readonly PortRange[] = [{ from: 1, to: 65535 }];

/** A port that two of `ranges` have. */
export function firstOverlap(ranges: readonly PortRange[]): number | undefined {
  let last = 0;
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    if (from <= last) return from;
    last = Math.max(last, to);
  }
  return undefined;
}

function tooManyEntries(services: readonly Service[]): readonly Finding[] {
  let total = 0;
  let destinations = 0;
  for (const service of services) {
    const count = entryCount(service);
    const servers = service.value.real_servers?.length ?? 0;
    total += count;
    destinations += count * servers;
    if (total <= MOST_ENTRIES && destinations <= MOST_DESTINATIONS) continue;
    const what =
      total > MOST_ENTRIES
        ? `${count} addresses and ports here make ${total} virtual servers in all, and ${MOST_ENTRIES} are the most`
        : `${count} addresses and ports with ${servers} real servers each make ${destinations} of those in all, and ${MOST_DESTINATIONS} are the most`;
    const advice = 'use port: any with persistence, or a mark that match gives to the ports';
    return [errorAt([...service.path, 'port'], `${what}: ${advice}`)];
  }
  return [];
}

/** From here on the table of one definition is slower to make and to read than that of a whole director. */
const MANY_ENTRIES = 1000;

function manyEntries(service: Service): readonly Finding[] {
  const { path, selector } = service;
  const count = entryCount(service);
  if (count < MANY_ENTRIES || selector === undefined || selector.mark !== undefined) return [];
  const message =
    `these are ${count} virtual servers to the kernel, each with its own real servers: ` +
    'use a mark that match gives to the ports, which is a single one';
  return [warningAt([...path, 'port'], message)];
}

/** As `tableKeyText` has them. */
const entriesOf = onceForEach(({ selector }: Service): readonly string[] =>
  selector === undefined ? [] : toEntries(selector).map(tableKeyText),
);

/** One finding for each two definitions that meet, however many entries they share. */
function sameEntries(services: readonly Service[]): readonly Finding[] {
  const owners = new Map<string, Service>();
  const clashes = new Map<string, { service: Service; first: Service; entry: string; count: number }>();
  for (const service of services) {
    for (const text of entriesOf(service)) {
      const first = owners.get(text);
      if (first === undefined) owners.set(text, service);
      if (first === undefined || first === service) continue;
      const pair = JSON.stringify([service.name, first.name]);
      const count = (clashes.get(pair)?.count ?? 0) + 1;
      clashes.set(pair, { service, first, entry: clashes.get(pair)?.entry ?? text, count });
    }
  }
  return [...clashes.values()].map(({ service, first, entry, count }) => {
    const more = count === 1 ? '' : ` (and ${count - 1} more)`;
    const advice =
      'mark' in service.value ? 'give one another mark' : 'change the address, port or protocol of one';
    return errorAtKey(service.path, `${entry} is service "${first.name}" already${more}: ${advice}`);
  });
}

/** undefined when an address or a virtual router could not be read: it might have been the one. */
function virtualAddresses(draft: ConfigDraft): ReadonlySet<string> | undefined {
  const { virtual_routers: routers } = draft;
  if (routers === undefined || Object.values(routers).includes(undefined)) return undefined;
  const lists = virtualRoutersOf(draft).map(({ value }) => value.addresses);
  const virtual = lists.flatMap((list) => list ?? [undefined]);
  if (virtual.includes(undefined)) return undefined;
  return new Set(virtual.flatMap((prefix) => prefix?.address ?? []));
}

/** The same with those that this director has anyhow, or gets by the file whatever the state. */
function heldAddresses(draft: ConfigDraft, { interfaces }: Environment): ReadonlySet<string> | undefined {
  const virtual = virtualAddresses(draft);
  const own = interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const fixed = draft.static?.addresses;
  if (virtual === undefined || fixed === undefined || fixed.includes(undefined)) return undefined;
  return new Set([...virtual, ...own, ...fixed.flatMap((each) => each?.address ?? [])]);
}

const heldByNobody = ({ addresses }: Service, held: ReadonlySet<string> | undefined): readonly Finding[] =>
  addresses.flatMap(({ path, address }) => {
    if (held === undefined || held.has(address)) return [];
    if (isNotUnicast(address) || isLinkLocal(address)) return [];
    const message = `no virtual router and no interface here holds ${address}: add it to the addresses of a virtual router, or no client reaches this service`;
    return [warningAt(path, message)];
  });

function neverChecked(
  { path, value, addresses, selector }: Service,
  virtual: ReadonlySet<string> | undefined,
): readonly Finding[] {
  if (value.check_while !== 'active' || selector === undefined || virtual === undefined) return [];
  if (addresses.some(({ address }) => virtual.has(address))) return [];
  const advice =
    addresses.length === 0
      ? 'the addresses of a mark are known by match only: add it, or use always'
      : 'add one to the addresses of a virtual router, or use always';
  const message = `no virtual router holds an address of this service, so it would never be checked: ${advice}`;
  return [errorAt([...path, 'check_while'], message)];
}
