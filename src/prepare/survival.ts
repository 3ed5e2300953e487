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
  const [first, ...others] = concerned.map(({ name }) => name);
  if (first === undefined) return [];
  if (ipvs.sync !== undefined) return [];
  return [
    {
      service: first,
      what: `the source_address of ${named(first, others)} floats, but there is no ipvs.sync`,
      breaks:
        'its established connections end at a failover, since the director that takes over does not know them',
      mend: 'add `ipvs: { sync: { interface: … } }` with the link between the directors, on each of them',
    },
  ];
}

const named = (first: string, others: readonly string[]): string =>
  others.length === 0 ? `service ${first}` : `service ${first} (and of ${others.length} more)`;
