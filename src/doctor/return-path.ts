/** Whether the replies of a real server behind nat come back by way of this director. The rule is pure. */
import { familyOf, type IpAddress, isWithin, type Prefix } from '../model/address.ts';
import type { EchoLink, EchoReply } from './echo.ts';
import { type Finding, good, problem, unknown, warning } from './finding.ts';

/** A real server behind nat, asked from an address of the client's side. */
export interface AskedServer {
  readonly service: string;
  readonly address: IpAddress;
  /** Ours, outside the real server's own network: its answer must take the way of a client's. */
  readonly source: IpAddress | undefined;
  /** Our network with the real server, and its link; undefined: it is not on one of our links. */
  readonly network: Prefix | undefined;
  readonly link: EchoLink | undefined;
}

/** What hosts start with; each router on the way takes one off. */
const INITIAL_TTLS = [64, 128, 255];

/** `vips`: of the service. `reply`: undefined when there was none. */
export function returnPathFinding(
  server: AskedServer,
  vips: readonly IpAddress[],
  reply: EchoReply | undefined,
): Finding {
  const { service, address, source, network, link } = server;
  const name = `${service}: real server ${address}`;
  const sharing = network === undefined ? undefined : vips.find((vip) => isShared(vip, network));
  if (sharing !== undefined) {
    return warning(
      `${name} is in the network of the virtual address ${sharing}`,
      'it answers clients of that network directly, past the director, and they drop that',
      `on the real server: no route of its own to ${network?.address}/${network?.length} but by this director; or forwarding: dr or fullnat`,
    );
  }
  if (network === undefined || source === undefined || link === undefined)
    return unknown(
      `${name}: its gateway`,
      'it is not on a link of this director, which is one hop of several',
    );
  if (reply === undefined) {
    return warning(
      `${name} does not answer ${source}, which is not of its own network`,
      'where its default route does not lead here, clients get no answer (or it answers no ping)',
      `on the real server: ip route replace default via ${gateway(network)}`,
    );
  }
  if (reply.link === link.name && INITIAL_TTLS.includes(reply.ttl))
    return good(`${name} answers by way of this director`);
  return problem(
    `${name} answers by way of another router (over ${reply.link}, hop limit ${reply.ttl})`,
    'replies to clients do not pass the director, which alone can masquerade them: clients get no answer',
    `on the real server: ip route replace default via ${gateway(network)}; or forwarding: fullnat`,
  );
}

const isShared = (vip: IpAddress, network: Prefix): boolean =>
  familyOf(vip) === familyOf(network.address) && isWithin(vip, network);

/** Ours in the real server's network. */
const gateway = ({ address }: Prefix): string => address;
