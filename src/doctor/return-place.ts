/** From where a real server behind nat is asked, and on which links its answer may come in. Pure. */
import { familyOf, type IpAddress, isLinkLocal, isWithin, type Prefix } from '../model/address.ts';
import type { Sight } from './host.ts';
import type { AskedServer } from './return-path.ts';

type Place = Pick<AskedServer, 'source' | 'network' | 'links' | 'floating'>;

/** Of what the doctor sees of this host, as much as is needed here. */
export interface PlaceSight {
  readonly addresses: readonly Pick<Sight['addresses'][number], 'index' | 'prefix'>[];
  readonly links: readonly Pick<Sight['links'][number], 'index' | 'name' | 'loopback'>[];
}

/** `floating`: the virtual addresses of the file; `vips`: those of the service of the real server at `address`. */
export function placeOf(
  address: IpAddress,
  floating: readonly IpAddress[],
  vips: readonly IpAddress[],
  sight: PlaceSight,
): Place {
  const family = familyOf(address);
  const ours = sight.addresses.filter(
    ({ prefix }) => familyOf(prefix.address) === family && !isLinkLocal(prefix.address),
  );
  const prefixes = ours.map(({ prefix }) => prefix);
  const network = prefixes.find(
    (prefix) => prefix.length < (family === 'ipv4' ? 31 : 127) && isWithin(address, prefix),
  );
  if (network === undefined) return { source: undefined, network, links: [], floating: [] };
  const source = sourceOf(
    prefixes.filter((prefix) => !isWithin(prefix.address, network)),
    [vips, floating].map((set) => set.filter((each) => familyOf(each) === family)),
  );
  const namesOf = (test: (prefix: Prefix) => boolean): readonly string[] => {
    const indexes = new Set(ours.filter(({ prefix }) => test(prefix)).map(({ index }) => index));
    return sight.links
      .filter(({ index, loopback }) => indexes.has(index) && !loopback)
      .map(({ name }) => name);
  };
  const inside = namesOf((prefix) => isWithin(prefix.address, network));
  const clients = namesOf((prefix) => source !== undefined && isWithin(source.address, prefix));
  const others = namesOf(() => true).filter((name) => !inside.includes(name) && !clients.includes(name));
  return {
    source: source?.address,
    network,
    links: [...inside, ...others],
    floating: floating
      .filter((each) => familyOf(each) === family && isWithin(each, network))
      .map((each) => ({ address: each, here: prefixes.some((prefix) => prefix.address === each) })),
  };
}

/** A virtual address of the service where it is here, else another one, else an address of ours beside one. */
function sourceOf(
  outside: readonly Prefix[],
  preferred: readonly (readonly IpAddress[])[],
): Prefix | undefined {
  return (
    preferred
      .map((set) => outside.find((prefix) => set.includes(prefix.address)))
      .find((prefix) => prefix !== undefined) ??
    outside.find((prefix) => preferred.flat().some((vip) => isWithin(vip, prefix)))
  );
}
