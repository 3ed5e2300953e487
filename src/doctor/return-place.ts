/** From where real servers behind nat are asked, and on which links their answers may come in. Pure. */
import {
  addressToBytes,
  familyOf,
  fullLength,
  type IpAddress,
  isLinkLocal,
  isWithin,
  type Prefix,
} from '../model/address.ts';
import type { Sight } from './host.ts';
import type { AskedServer } from './return-path.ts';

type Place = Pick<AskedServer, 'source' | 'network' | 'links' | 'floating'>;

/** Of what the doctor sees of this host, as much as is needed here. */
export interface PlaceSight {
  readonly addresses: readonly Pick<Sight['addresses'][number], 'index' | 'prefix'>[];
  readonly links: readonly Pick<Sight['links'][number], 'index' | 'name' | 'loopback'>[];
}

const NOWHERE: Place = { source: undefined, network: undefined, links: [], floating: [] };

/**
 * The place of each real server. A director may have thousands of addresses and of real servers, so that what is the
 * same for those of one network is found out once. `floating`: the virtual addresses of the file.
 */
export class Places {
  readonly #sight: PlaceSight;
  readonly #floating: readonly IpAddress[];
  readonly #networks = new Map<string, RealServerNetwork>();
  /** The first that this host has in each network, as the kernel lists them. */
  readonly #distinct: readonly Prefix[];

  constructor(floating: readonly IpAddress[], sight: PlaceSight) {
    this.#sight = {
      ...sight,
      addresses: sight.addresses.filter(({ prefix }) => !isLinkLocal(prefix.address)),
    };
    this.#floating = floating;
    const wide = this.#sight.addresses.map(({ prefix }) => prefix).filter(isWide);
    const first = new Map<string, Prefix>();
    for (const prefix of wide) if (!first.has(networkKey(prefix))) first.set(networkKey(prefix), prefix);
    this.#distinct = [...first.values()];
  }

  /** `vips`: those of the service of the real server at `address`. */
  of(address: IpAddress, vips: readonly IpAddress[]): Place {
    const network = this.#distinct.find((prefix) => isWithin(address, prefix));
    if (network === undefined) return NOWHERE;
    const key = networkKey(network);
    const known = this.#networks.get(key) ?? new RealServerNetwork(network, this.#floating, this.#sight);
    this.#networks.set(key, known);
    return known.place(vips);
  }
}

const isWide = ({ address, length }: Prefix): boolean => length < fullLength(familyOf(address)) - 1;

/** The same for all prefixes of one network. */
export function networkKey({ address, length }: Prefix): string {
  const bytes = addressToBytes(address).map(
    (byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff,
  );
  return `${bytes.join('.')}/${length}`;
}

/** A network that real servers are in, as this host sees it. */
class RealServerNetwork {
  readonly #network: Prefix;
  readonly #ours: PlaceSight['addresses'];
  readonly #links: PlaceSight['links'];
  /** Ours that are not in it. */
  readonly #outside: readonly Prefix[];
  readonly #floatingHere: Place['floating'];
  /** For services of whose own addresses none is here. */
  readonly #otherwise: Prefix | undefined;
  /** By the side that it is on: services with addresses in one network are asked about from one of them. */
  readonly #sources = new Map<string, IpAddress>();
  readonly #linksBySource = new Map<IpAddress | undefined, readonly string[]>();

  constructor(network: Prefix, floating: readonly IpAddress[], { addresses, links }: PlaceSight) {
    const family = familyOf(network.address);
    this.#network = network;
    this.#links = links;
    this.#ours = addresses.filter(({ prefix }) => familyOf(prefix.address) === family);
    const prefixes = this.#ours.map(({ prefix }) => prefix);
    const held = new Set(prefixes.map(({ address }) => address));
    const ofFamily = floating.filter((each) => familyOf(each) === family);
    this.#outside = prefixes.filter(({ address }) => !isWithin(address, network));
    this.#floatingHere = ofFamily
      .filter((each) => isWithin(each, network))
      .map((each) => ({ address: each, here: held.has(each) }));
    this.#otherwise = this.#amongOrBeside(ofFamily);
  }

  place(vips: readonly IpAddress[]): Place {
    const source = this.#sourceFor(vips);
    const links = this.#linksBySource.get(source) ?? this.#linksFor(source);
    this.#linksBySource.set(source, links);
    return { source, network: this.#network, links, floating: this.#floatingHere };
  }

  /** A virtual address of the service where it is here, else another one, else an address of ours beside one. */
  #sourceFor(vips: readonly IpAddress[]): IpAddress | undefined {
    const wanted = new Set(vips);
    const own = this.#outside.find(({ address }) => wanted.has(address));
    const source = own ?? this.#otherwise ?? this.#beside(vips);
    if (source === undefined) return undefined;
    const side = this.#sideOf(source);
    const known = this.#sources.get(side) ?? source.address;
    this.#sources.set(side, known);
    return known;
  }

  #amongOrBeside(addresses: readonly IpAddress[]): Prefix | undefined {
    const wanted = new Set(addresses);
    return this.#outside.find(({ address }) => wanted.has(address)) ?? this.#beside(addresses);
  }

  #beside = (addresses: readonly IpAddress[]): Prefix | undefined =>
    this.#outside.find((prefix) => addresses.some((each) => isWithin(each, prefix)));

  /** The network of ours that `source` is in; of one that is in none, itself. */
  #sideOf({ address, length }: Prefix): string {
    if (isWide({ address, length })) return networkKey({ address, length });
    const around = this.#outside.find((prefix) => isWide(prefix) && isWithin(address, prefix));
    return around === undefined ? address : networkKey(around);
  }

  /** Those into the network, then others that are not on the side of the clients. */
  #linksFor(source: IpAddress | undefined): readonly string[] {
    const inside = this.#namesOf((prefix) => isWithin(prefix.address, this.#network));
    const clients = this.#namesOf((prefix) => source !== undefined && isWithin(source, prefix));
    const others = this.#namesOf(() => true);
    return [...inside, ...others.filter((name) => !inside.includes(name) && !clients.includes(name))];
  }

  #namesOf(test: (prefix: Prefix) => boolean): readonly string[] {
    const indexes = new Set(this.#ours.filter(({ prefix }) => test(prefix)).map(({ index }) => index));
    return this.#links
      .filter(({ index, loopback }) => indexes.has(index) && !loopback)
      .map(({ name }) => name);
  }
}
