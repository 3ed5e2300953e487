/** Connections made known to the kernel's connection tracking. */
import type { TranslatedConnection } from '../model/connections.ts';
import { endpoint } from '../model/virtual-server.ts';
import { encodeConntrack, NETLINK_NETFILTER, NEW_CONNTRACK } from '../netlink/conntrack.ts';
import { NLM_F } from '../netlink/message.ts';
import { openNetlinkSocket } from '../sys/netlink-socket.ts';
import { isKernelError } from './kernel-error.ts';
import { NetlinkRequester } from './request.ts';

/** Requests that are sent one after the other with nothing else in between. */
const TURN = 1024;

/** What became of connections that were to be made known. */
export interface Tracked {
  readonly made: number;
  /** The kernel knew them already, or had given their port to another. */
  readonly there: number;
  /** The others, of which each was refused. */
  readonly errors: readonly Error[];
}

/**
 * Makes these known, so that replies of a real server find the client though the client has not spoken since. What is
 * there is left as it is. Takes turns with the rest of the program. Throws SystemError where there is no connection
 * tracking to be spoken with.
 */
export async function trackConnections(connections: readonly TranslatedConnection[]): Promise<Tracked> {
  const requester = new NetlinkRequester(openNetlinkSocket(NETLINK_NETFILTER));
  try {
    let made = 0;
    let there = 0;
    const errors: Error[] = [];
    for (let at = 0; at < connections.length; at += TURN) {
      const requests = connections.slice(at, at + TURN).map((connection) => ({
        attempt: { operation: 'track', object: nameOf(connection) },
        type: NEW_CONNTRACK,
        flags: NLM_F.create | NLM_F.exclusive,
        payload: encodeConntrack(connection),
      }));
      for (const error of requester.batch(requests)) {
        if (error === undefined) made++;
        else if (isKernelError(error, 'EEXIST')) there++;
        else errors.push(error);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { made, there, errors };
  } finally {
    requester.close();
  }
}

const nameOf = ({ protocol, client, realServer }: TranslatedConnection): string =>
  `${protocol} ${endpoint(client.address, client.port)} to ${endpoint(realServer.address, realServer.port)}`;
