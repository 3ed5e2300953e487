/**
 * Whether a received packet is an advert for one of this interface's virtual routers (RFC 9568 section 7.1).
 * The checks run in the order of the list; the first that fails names the reason, and nothing happens but a count.
 * A peer's advertisement interval is not among them: VRRPv3 adopts it.
 */
import { familyOf, type IpAddress, isNotUnicast } from '../model/address.ts';
import { type Advertisement, type Decoded, declaredLength, decode, VRRP_TTL } from './advertisement.ts';
import { verifiedForm } from './checksum.ts';

/** What the raw socket hands over: the IP payload, with what the checks need of the IP header. */
export interface ReceivedPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** The VRRP message: everything behind the IP header, up to the length that the IP header tells. */
  readonly message: Uint8Array;
}

/** What the checks need to know of a virtual router that is configured on the receiving interface. */
export interface LocalRouter {
  readonly vrid: number;
  /** Whether it is the owner of the addresses and not letting go of them: then it listens to nobody. */
  readonly isOwner: boolean;
  readonly addresses: readonly { readonly address: IpAddress }[];
  /** The primary address of the interface: source of our own adverts. */
  readonly source: IpAddress;
}

export interface Reception {
  readonly packet: ReceivedPacket;
  readonly decoded: Decoded;
  /** The virtual router that the VRID names, when it is configured here. */
  readonly router: LocalRouter | undefined;
}

interface ReceiveCheck {
  /** Names the counter. */
  readonly reason: string;
  /** Whether the packet passes. Every check before it in the list has passed. */
  readonly passes: (reception: Reception) => boolean;
}

export const RECEIVE_CHECKS = [
  // Anything else was forwarded by a router, or made by somebody who wants to take part from afar.
  { reason: 'ttl', passes: ({ packet }) => packet.ttl === VRRP_TTL },
  { reason: 'version', passes: ({ decoded }) => decoded.fault !== 'version' },
  { reason: 'type', passes: ({ decoded }) => decoded.fault !== 'type' },
  { reason: 'length', passes: ({ decoded }) => decoded.fault !== 'length' },
  { reason: 'checksum', passes: ({ packet }) => hasGoodChecksum(packet) },
  { reason: 'vrid', passes: ({ router }) => router !== undefined },
  // Section 5.2.5: a count of 0 must be ignored.
  { reason: 'no-addresses', passes: ({ decoded }) => decoded.advertisement?.addresses.length !== 0 },
  // Section 5.2.7 allows 1 to 4095; adopting 0 would let one packet start an election at once.
  { reason: 'interval', passes: ({ decoded }) => decoded.advertisement?.maxAdvertiseInterval !== 0 },
  // No router speaks from 0.0.0.0 or a group; such a rival could neither be told to people nor outranked by address.
  { reason: 'source', passes: ({ packet }) => !isNotUnicast(packet.source) },
  // Before `owner`, so that our own looped adverts are never taken for a second owner's.
  { reason: 'own-source', passes: ({ packet, router }) => packet.source !== router?.source },
  { reason: 'owner', passes: ({ router }) => router?.isOwner !== true },
] as const satisfies readonly ReceiveCheck[];

/** Why a packet was refused; names the counter. */
export type RejectReason = (typeof RECEIVE_CHECKS)[number]['reason'];

/** What is odd about an accepted advert. Worth a line in the log when it begins, never a reason to refuse. */
export type ReceiveWarning =
  /**
   * The peer advertises other addresses than are configured here. RFC 9568 section 7.1 lets us discard it, but then
   * adding an address on one director makes both of them active (keepalived up to 2.3.2 does).
   */
  'address-list';

export type Verdict =
  | {
      readonly accepted: true;
      readonly vrid: number;
      readonly advertisement: Advertisement;
      readonly warnings: readonly ReceiveWarning[];
    }
  | {
      readonly accepted: false;
      /** As the packet claims it; undefined when it cannot be read or is not configured here. */
      readonly vrid: number | undefined;
      readonly reason: RejectReason;
    };

/** Judges one packet. `routerFor` looks among the virtual routers of the receiving interface. Never throws. */
export function judge(packet: ReceivedPacket, routerFor: (vrid: number) => LocalRouter | undefined): Verdict {
  const decoded = decode(packet.message, familyOf(packet.source));
  const { advertisement } = decoded;
  const router = advertisement && routerFor(advertisement.vrid);
  const reception: Reception = { packet, decoded, router };
  const failed = RECEIVE_CHECKS.find((check) => !check.passes(reception));
  if (failed) return { accepted: false, vrid: router?.vrid, reason: failed.reason };
  if (!advertisement || !router) return { accepted: false, vrid: undefined, reason: 'length' };
  const warnings: readonly ReceiveWarning[] = sameAddresses(advertisement, router) ? [] : ['address-list'];
  return { accepted: true, vrid: router.vrid, advertisement, warnings };
}

/** A fresh set of counters, one for each check. */
export const noRejections = (): Record<RejectReason, number> =>
  Object.fromEntries(RECEIVE_CHECKS.map(({ reason }) => [reason, 0])) as Record<RejectReason, number>;

function hasGoodChecksum({ message, source, destination }: ReceivedPacket): boolean {
  const complete = message.subarray(0, declaredLength(message, familyOf(source)));
  return verifiedForm(complete, source, destination) !== undefined;
}

/** The order of the addresses carries no meaning. */
function sameAddresses(advertisement: Advertisement, router: LocalRouter): boolean {
  const advertised = new Set(advertisement.addresses);
  return (
    advertised.size === router.addresses.length &&
    router.addresses.every(({ address }) => advertised.has(address))
  );
}
