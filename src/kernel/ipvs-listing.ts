/**
 * Lists the kernel's IPVS table: one request for the virtual servers and one for each one's real servers, with no lock
 * around them. A listing that changed between its parts is made again.
 */
import type { Family } from '../model/address.ts';
import {
  type ActualTable,
  type CountedVirtualServer,
  realServerKey,
  type TableKey,
  tableKeyText,
} from '../model/ipvs-table.ts';
import { atOnce, mapped, type Steps } from '../model/steps.ts';
import { encodeGetDestinations, encodeGetService, encodeGetServices } from '../netlink/ipvs/command.ts';
import {
  type Destination,
  decodeCountedDestination,
  decodeDestination,
} from '../netlink/ipvs/destination.ts';
import { decodeCountedService, decodeService, keyFamily, type Service } from '../netlink/ipvs/service.ts';
import { Malformed, type Source } from '../netlink/reader.ts';
import { type Attempt, isKernelError, KernelAnswerError } from './kernel-error.ts';
import type { NetlinkRequest, NetlinkRequester } from './request.ts';

/** How often a listing is made again because virtual servers came or went between its parts. */
const ATTEMPTS = 10;
/** How often the kernel is asked between two rests. */
const FEW_QUESTIONS = 32;

/** What is read of an entry: with or without its counters. */
interface Decoders<Server extends Service, Real extends Destination> {
  readonly service: (payload: Source) => Server | Malformed;
  readonly destination: (payload: Source, family: Family) => Real | Malformed;
}
const PLAIN = { service: decodeService, destination: decodeDestination };
const COUNTED = { service: decodeCountedService, destination: decodeCountedDestination };

/** A virtual server with its real servers, in the kernel's order: the newest first. */
type Listed<Server, Real> = Server & { readonly realServers: readonly Real[] };

export class IpvsListing {
  readonly #netlink: NetlinkRequester;
  readonly #family: number;

  /** `family`: the number of the generic netlink family. */
  constructor(netlink: NetlinkRequester, family: number) {
    this.#netlink = netlink;
    this.#family = family;
  }

  /** Throws KernelError or KernelAnswerError. */
  table(): ActualTable {
    return atOnce(this.tableSteps());
  }

  /** As `table`, in steps, between which nothing else may be asked on this socket. */
  tableSteps(): Steps<ActualTable> {
    return this.#table(PLAIN);
  }

  /** As `table`, with the counters. */
  countedTable(): readonly CountedVirtualServer[] {
    return atOnce(this.#table(COUNTED));
  }

  /** One virtual server with its counters; undefined when there is none. */
  counted(key: TableKey): CountedVirtualServer | undefined {
    const service = this.#service(key, COUNTED);
    return service === undefined ? undefined : { ...service, realServers: this.#realServers(key, COUNTED) };
  }

  *#table<Server extends Service, Real extends Destination>(
    decoders: Decoders<Server, Real>,
  ): Steps<readonly Listed<Server, Real>[]> {
    const attempt = { operation: 'list', object: 'virtual servers' };
    for (let count = 0; count < ATTEMPTS; count++) {
      const request = this.#request(attempt, encodeGetServices());
      const services = yield* this.#netlink.dumpSteps(request, (message) => decoders.service(message));
      const table = yield* this.#complete(services, decoders);
      if (table !== undefined && !hasDoubles(yield* mapped(table, ({ key }) => tableKeyText(key))))
        return table;
    }
    throw new KernelAnswerError(attempt, `the table changed during each of ${ATTEMPTS} listings`);
  }

  /** Adds the real servers; undefined when the table changed meanwhile. */
  *#complete<Server extends Service, Real extends Destination>(
    services: readonly Server[],
    decoders: Decoders<Server, Real>,
  ): Steps<readonly Listed<Server, Real>[] | undefined> {
    const table: Listed<Server, Real>[] = [];
    for (const service of services) {
      const realServers = this.#realServers(service.key, decoders);
      if (hasTwins(realServers)) return undefined;
      // The kernel gives no real servers, and no error, for a virtual server that has vanished.
      if (realServers.length === 0 && this.#service(service.key, PLAIN) === undefined) return undefined;
      table.push({ ...service, realServers });
      // Each is a question to the kernel.
      if (table.length % FEW_QUESTIONS === 0) yield;
    }
    return table;
  }

  #realServers<Real extends Destination>(
    key: TableKey,
    { destination }: Pick<Decoders<Service, Real>, 'destination'>,
  ): readonly Real[] {
    const attempt = { operation: 'list', object: `real servers of ${tableKeyText(key)}` };
    const family = keyFamily(key);
    return this.#netlink.dump(this.#request(attempt, encodeGetDestinations(key)), (message) =>
      destination(message, family),
    );
  }

  #service<Server extends Service>(
    key: TableKey,
    { service }: Pick<Decoders<Server, Destination>, 'service'>,
  ): Server | undefined {
    const attempt = { operation: 'get', object: `virtual server ${tableKeyText(key)}` };
    try {
      const [answer] = this.#netlink.request(this.#request(attempt, encodeGetService(key)));
      return decoded(attempt, answer && service(answer.payload));
    } catch (error) {
      if (isKernelError(error, 'ESRCH', 'ENOENT')) return undefined;
      throw error;
    }
  }

  #request(attempt: Attempt, payload: Uint8Array): NetlinkRequest {
    return { attempt, type: this.#family, payload };
  }
}

/** The answer to a request. Throws KernelAnswerError for none, and for one that cannot be read. */
export function decoded<Value>(attempt: Attempt, value: Value | Malformed | undefined): Value {
  if (value === undefined)
    throw new KernelAnswerError(attempt, 'the kernel acknowledged it without an answer');
  if (value instanceof Malformed) throw new KernelAnswerError(attempt, value.reason);
  return value;
}

/** Up to so many are faster compared with each other than put into a set. */
const FEW = 16;

/** As `hasDoubles`, of the real servers of a virtual server. */
function hasTwins(servers: readonly Destination[]): boolean {
  if (servers.length > FEW) return hasDoubles(servers.map(realServerKey));
  return servers.some(({ address, port }, i) => {
    for (let other = i + 1; other < servers.length; other++)
      if (servers[other]?.address === address && servers[other]?.port === port) return true;
    return false;
  });
}

/** An entry that a listing gives twice was moved while it was listed, and another may be missing. */
const hasDoubles = (keys: readonly string[]): boolean => new Set(keys).size !== keys.length;
