/** Connections made known to the kernel's connection tracking. */
import type { TranslatedConnection } from '../model/connections.ts';
import { endpoint } from '../model/virtual-server.ts';
import { encodeConntrack, encodeLiberal, NEW_CONNTRACK } from '../netlink/conntrack.ts';
import { NLM_F } from '../netlink/message.ts';
import { NETLINK_NETFILTER, openNetlinkSocket } from '../sys/netlink-socket.ts';
import { isKernelError } from './kernel-error.ts';
import { type NetlinkRequest, NetlinkRequester } from './request.ts';

/** Requests that are sent one after the other with nothing else in between. */
const TURN = 1024;
/** Refusals that are kept. */
const MOST_ERRORS = 10;

/** What became of connections that were to be made known. */
export interface Tracked {
  readonly made: number;
  /** The kernel knew them already, or had given their port to another. */
  readonly there: number;
  /** The others; where the kernel has no more room, as good as all. */
  readonly refused: number;
  /** Why, of the first of them. */
  readonly errors: readonly Error[];
}

/**
 * Makes these known, so that replies of a real server find the client though the client has not spoken since. What is
 * there, from when this director was active before, keeps its translation; but its packets went another way since, so
 * whether they fit its windows decides no longer. That goes for `doubtful`, too, which are not made known. Takes turns
 * with the rest of the program, and leaves the others out once `signal` is aborted. Throws SystemError where there is no
 * connection tracking to be spoken with.
 */
export async function trackConnections(
  connections: readonly TranslatedConnection[],
  doubtful: readonly TranslatedConnection[] = [],
  signal?: AbortSignal,
): Promise<Tracked> {
  const requester = new NetlinkRequester(openNetlinkSocket(NETLINK_NETFILTER));
  try {
    let made = 0;
    let there = 0;
    let refused = 0;
    const errors: Error[] = [];
    const note = (some: readonly Error[]): void => {
      refused += some.length;
      // A million would take a gigabyte.
      if (errors.length < MOST_ERRORS) errors.push(...some.slice(0, MOST_ERRORS - errors.length));
    };
    for (let at = 0; at < connections.length && signal?.aborted !== true; at += TURN) {
      const part = connections.slice(at, at + TURN);
      const outcomes = requester.batch(part.map(creation));
      const known = part.filter((_, place) => isKernelError(outcomes[place], 'EEXIST'));
      made += outcomes.filter((error) => error === undefined).length;
      there += known.length;
      note(refusals(outcomes, 'EEXIST'));
      note(loosen(requester, known));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let at = 0; at < doubtful.length && signal?.aborted !== true; at += TURN) {
      note(loosen(requester, doubtful.slice(at, at + TURN)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { made, there, refused, errors };
  } finally {
    requester.close();
  }
}

const creation = (connection: TranslatedConnection): NetlinkRequest => ({
  attempt: { operation: 'track', object: nameOf(connection) },
  type: NEW_CONNTRACK,
  flags: NLM_F.create | NLM_F.exclusive,
  payload: encodeConntrack(connection),
});

/** What was refused. Those that are not there are left so: the port of one may be another connection's. */
function loosen(requester: NetlinkRequester, known: readonly TranslatedConnection[]): readonly Error[] {
  const requests = known
    .filter(({ protocol }) => protocol === 'tcp')
    .map(
      (connection): NetlinkRequest => ({
        attempt: { operation: 'track again', object: nameOf(connection) },
        type: NEW_CONNTRACK,
        flags: 0,
        payload: encodeLiberal(connection),
      }),
    );
  return refusals(requester.batch(requests), 'ENOENT');
}

const refusals = (outcomes: readonly (Error | undefined)[], harmless: string): readonly Error[] =>
  outcomes.flatMap((error) => (error === undefined || isKernelError(error, harmless) ? [] : [error]));

const nameOf = ({ protocol, client, realServer }: TranslatedConnection): string =>
  `${protocol} ${endpoint(client.address, client.port)} to ${endpoint(realServer.address, realServer.port)}`;
