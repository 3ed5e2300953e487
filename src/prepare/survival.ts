/**
 * What ends at a failover although its source_address, which floats with the VIP, is there so that it does not: one list
 * for the file (`vipward check`), `vipward status` and `vipward doctor`. Pure.
 */
import type { Config, ConfiguredVirtualServer } from '../model/config.ts';

/** Services of one kind. */
export interface Ending {
  /** The name of the first of them. */
  readonly service: string;
  /** What is so. */
  readonly what: string;
  /** What comes of it. */
  readonly breaks: string;
  /** What to do. */
  readonly mend: string;
}

export type Surviving = Pick<Config, 'virtualServers' | 'virtualRouters'> & {
  readonly ipvs: Pick<Config['ipvs'], 'sync'>;
};

export function endedByFailover({ virtualServers, virtualRouters, ipvs }: Surviving): readonly Ending[] {
  const floating = new Set<string>(
    virtualRouters.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
  );
  const floats = ({ realServers, sorryServers }: ConfiguredVirtualServer): boolean =>
    [...realServers, ...sorryServers].some(
      ({ sourceAddress }) => sourceAddress !== undefined && floating.has(sourceAddress),
    );
  const concerned = floating.size === 0 ? [] : virtualServers.filter(floats);
  if (ipvs.sync === undefined) return endingOf(concerned, UNSYNCHRONISED);
  return endingOf(concerned.filter(hasAssociations), ASSOCIATIONS);
}

type Words = Omit<Ending, 'service' | 'what'> & { readonly what: (services: string) => string };

const UNSYNCHRONISED: Words = {
  what: (services) => `the source_address of ${services} floats, but there is no ipvs.sync`,
  breaks:
    'its established connections end at a failover, since the director that takes over does not know them',
  mend: 'add `ipvs: { sync: { interface: … } }` with the link between the directors, on each of them',
};

/** sctp_packet() of nf_conntrack_proto_sctp.c: what has another verification tag belongs to no association. */
const ASSOCIATIONS: Words = {
  what: (services) => `the source_address of ${services} floats, but its protocol is sctp`,
  breaks:
    'its associations are not taken over at a failover, since connection tracking goes by their verification tags, which no director tells the other',
  mend: 'use forwarding dr or tun, or have both ends set up a new association soon',
};

function endingOf(services: readonly ConfiguredVirtualServer[], words: Words): readonly Ending[] {
  const [first, ...others] = services.map(({ name }) => name);
  if (first === undefined) return [];
  const named = others.length === 0 ? `service ${first}` : `service ${first} (and of ${others.length} more)`;
  return [{ ...words, service: first, what: words.what(named) }];
}

const hasAssociations = ({ entries, match }: ConfiguredVirtualServer): boolean =>
  [...entries, ...match].some((each) => 'protocol' in each && each.protocol === 'sctp');
