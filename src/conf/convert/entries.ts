/** What a definition stands for in the kernel's table, and where its packets come from. */
import { type Family, familyOf, type IpAddress } from '../../model/address.ts';
import type { MarkMatch, PortRange } from '../../model/config.ts';
import type { TableKey } from '../../model/ipvs-table.ts';
import type { Protocol } from '../../model/virtual-server.ts';
import type { ServiceShape } from '../schema/index.ts';

/** What tells which entries there are: either the first two, or the mark. */
export interface Selector {
  readonly address?: readonly IpAddress[] | undefined;
  readonly port?: 'any' | readonly PortRange[] | undefined;
  readonly protocol?: Protocol | undefined;
  readonly mark?: number | undefined;
  readonly family?: 'ipv4' | 'ipv6' | 'both' | undefined;
  readonly match?: readonly { readonly address: readonly IpAddress[] }[] | undefined;
}

export const USUAL_PROTOCOL: Protocol = 'tcp';

/** Addresses × ports, or the families of the mark. Count them (`countEntries`) before. */
export function toEntries(selector: Selector): readonly TableKey[] {
  const { mark, address = [], port = [], protocol = USUAL_PROTOCOL } = selector;
  if (mark !== undefined) return markFamilies(selector).map((family) => ({ kind: 'mark', mark, family }));
  const numbers = port === 'any' ? [0] : port.flatMap(portsOf);
  return address.flatMap((each) =>
    numbers.map((number): TableKey => ({ kind: 'address', protocol, address: each, port: number })),
  );
}

/** How many entries `toEntries` gives. */
export function countEntries(selector: Selector): number {
  const { mark, address = [], port = [] } = selector;
  if (mark !== undefined) return markFamilies(selector).length;
  const ports = port === 'any' ? 1 : port.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  return address.length * ports;
}

const portsOf = ({ from, to }: PortRange): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Those of what gets the mark, unless given; IPv4 where nobody says. */
function markFamilies({ family, match = [] }: Selector): readonly Family[] {
  if (family === 'both') return ['ipv4', 'ipv6'];
  if (family !== undefined) return [family];
  const matched = new Set(match.flatMap(({ address }) => address.map(familyOf)));
  return matched.size === 0 ? ['ipv4'] : (['ipv4', 'ipv6'] as const).filter((each) => matched.has(each));
}

export const toMatch = (shape: ServiceShape['match']): readonly MarkMatch[] =>
  (shape ?? []).flatMap(({ address, protocol, ports = [] }) =>
    address.map((each) => ({ address: each, protocol, ports })),
  );

/** The port that all clients use; undefined where there are several, every one, or a mark. */
export function singlePort({ mark, port }: Pick<Selector, 'mark' | 'port'>): number | undefined {
  if (mark !== undefined || port === undefined || port === 'any') return undefined;
  const [first, ...others] = port;
  return others.length === 0 && first?.from === first?.to ? first?.from : undefined;
}
