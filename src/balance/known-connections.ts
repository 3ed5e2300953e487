/**
 * Connections behind fullnat that IPVS has been told of by the other director, as connection tracking needs to know
 * them. Pure.
 */
import type { IpAddress } from '../model/address.ts';
import type { PortRange } from '../model/config.ts';
import type { IpvsConnection, TranslatedConnection } from '../model/connections.ts';
import type { SourceNatRule } from '../model/packet-rules.ts';

/** States of IPVS in which both ends may still have something to say. */
const STATES: ReadonlyMap<string, Pick<TranslatedConnection, 'protocol' | 'state'>> = new Map([
  ['TCP ESTABLISHED', { protocol: 'tcp', state: 'established' }],
  ['TCP FIN_WAIT', { protocol: 'tcp', state: 'fin-wait' }],
  ['TCP CLOSE_WAIT', { protocol: 'tcp', state: 'close-wait' }],
  ['UDP UDP', { protocol: 'udp', state: 'established' }],
]);

/** Seconds that connection tracking remembers them after IPVS, which takes them away there as well when it forgets. */
const LONGER = 60;

export interface Known {
  readonly connections: readonly TranslatedConnection[];
  /**
   * Not among them, because two clients have one port at one real server: only one of them can have it there, and nobody
   * tells which, but a director that had them before.
   */
  readonly doubtful: readonly TranslatedConnection[];
}

/**
 * Gathers those whose source is a certain address, at the port of the client: source NAT keeps it where it is free.
 * Given bit by bit, since there may be a million.
 */
export class KnownConnections {
  readonly #sources: Sources;
  readonly #byPlace = new Map<string, TranslatedConnection[]>();

  constructor(sourceNats: readonly SourceNatRule[]) {
    this.#sources = sourcesOf(sourceNats);
  }

  add(connections: readonly IpvsConnection[]): void {
    for (const connection of connections) {
      const translated = translate(connection, this.#sources);
      if (translated === undefined) continue;
      const { protocol, source, realServer } = translated;
      const place = `${protocol} ${source.address} ${source.port} ${realServer.address} ${realServer.port}`;
      const others = this.#byPlace.get(place);
      if (others === undefined) this.#byPlace.set(place, [translated]);
      else others.push(translated);
    }
  }

  /** Of all that were given. */
  get known(): Known {
    const connections: TranslatedConnection[] = [];
    const doubtful: TranslatedConnection[] = [];
    for (const group of this.#byPlace.values()) {
      const of = group.length === 1 ? connections : doubtful;
      for (const each of group) of.push(each);
    }
    return { connections, doubtful };
  }
}

/** The address that a real server sees, by virtual address, protocol, real server and its port. */
interface Sources {
  /** With the port in the key: a range of ports that clients ask for is an entry for each. */
  readonly byPort: ReadonlyMap<string, IpAddress>;
  /** Without it. */
  readonly byRange: ReadonlyMap<string, readonly RangeSource[]>;
}

interface RangeSource {
  /** Of the real server; none: all. */
  readonly ports: readonly PortRange[];
  readonly address: IpAddress;
}

function sourcesOf(rules: readonly SourceNatRule[]): Sources {
  const byPort = new Map<string, IpAddress>();
  const byRange = new Map<string, RangeSource[]>();
  for (const { virtual, realServers, to } of rules) {
    if (to === 'auto') continue;
    for (const { address, port } of realServers) {
      const key = `${virtual.address} ${virtual.protocol} ${address}`;
      const ports = port === undefined ? virtual.ports : [{ from: port, to: port }];
      for (const { from } of ports.filter(isSingle)) byPort.set(`${key} ${from}`, to);
      if (ports.length > 0 && ports.every(isSingle)) continue;
      const others = byRange.get(key);
      if (others === undefined) byRange.set(key, [{ ports, address: to }]);
      else others.push({ ports, address: to });
    }
  }
  return { byPort, byRange };
}

const isSingle = ({ from, to }: PortRange): boolean => from === to;

function sourceOf({ byPort, byRange }: Sources, place: string, port: number): IpAddress | undefined {
  const isMeant = ({ ports }: RangeSource) =>
    ports.length === 0 || ports.some(({ from, to }) => from <= port && port <= to);
  return byPort.get(`${place} ${port}`) ?? byRange.get(place)?.find(isMeant)?.address;
}

function translate(
  { protocol: name, client, service, server, state, expires }: IpvsConnection,
  sources: Sources,
): TranslatedConnection | undefined {
  const known = STATES.get(`${name} ${state}`);
  // A template stands for several connections of its client.
  if (known === undefined || client.port === 0) return undefined;
  const place = `${service.address} ${known.protocol} ${server.address}`;
  const source = sourceOf(sources, place, server.port);
  if (source === undefined) return undefined;
  return {
    ...known,
    client,
    virtual: service,
    realServer: server,
    source: { address: source, port: client.port },
    timeout: expires + LONGER,
  };
}
