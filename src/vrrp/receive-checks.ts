/**
 * Whether a received packet is a message for one of this interface's virtual routers (RFC 9568 section 7.1, RFC 3768
 * section 7.1). The checks run in the order of the list; the first that fails names the reason, and nothing happens
 * but a count. What is cheap comes before what is dear, so that a flood of rubbish costs little.
 */
import { type Family, familyOf, type IpAddress, isLinkLocal, isNotUnicast } from '../model/address.ts';
import type { Centiseconds, Instant, Milliseconds } from '../model/units.ts';
import type { Peer } from '../model/virtual-router.ts';
import {
  type Advertisement,
  checksummedBytes,
  type Decoded,
  decode,
  type MessageKind,
  type Version,
  VRRP_TTL,
} from './advertisement.ts';
import { freshnessWindow, type Mark, type SequenceVerdict } from './authentication/sequence.ts';
import {
  isAuthentic,
  isExpectedType,
  judgeSequence,
  type Shown,
  shownBy,
  type Verification,
} from './authentication/verification.ts';
import { verifiedForm } from './checksum.ts';

export type { Verification } from './authentication/verification.ts';

/** What a socket hands over: the payload, with what the checks need of the IP header. */
export interface ReceivedPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or hop limit; undefined where the socket does not tell, which passes only where none is asked for. */
  readonly ttl: number | undefined;
  /** The VRRP message: everything behind the IP or UDP header, up to the length that the header tells. */
  readonly message: Uint8Array;
}

/** How others' messages come to this virtual router, on the heartbeat path that the packet took. */
export type ReceivePath =
  /** Only with a TTL of 255. */
  | { readonly transport: 'multicast' }
  /** Only from these, with their least TTL. Over UDP only with keys. */
  | { readonly transport: 'unicast' | 'udp'; readonly peers: readonly Peer[] };

/** What the checks need to know of a virtual router that is configured on the receiving interface. */
export interface LocalRouter {
  readonly vrid: number;
  readonly version: Version;
  readonly family: Family;
  /** Whether it is the owner of the addresses and not letting go of them: then it heeds nobody's adverts. */
  readonly isOwner: boolean;
  /** Those that its own adverts carry. */
  readonly addresses: readonly IpAddress[];
  /** Where our own adverts on this path come from. */
  readonly source: IpAddress;
  readonly advertInterval: Centiseconds;
  readonly authentication: Verification;
  readonly path: ReceivePath;
}

export interface Reception {
  readonly packet: ReceivedPacket;
  readonly decoded: Decoded;
  /** The virtual router that the VRID names, when it is configured here. */
  readonly router: LocalRouter | undefined;
  /** What authenticates it; undefined where it cannot be read. */
  readonly shown: Shown | undefined;
  readonly date: Milliseconds;
  readonly now: Instant;
}

interface ReceiveCheck {
  /** Names the counter. */
  readonly reason: string;
  /** Whether the packet passes. Every check before it in the list has passed. */
  readonly passes: (reception: Reception) => boolean;
}

export const RECEIVE_CHECKS = [
  // By multicast, anything else was forwarded by a router, or made by somebody who wants to take part from afar.
  { reason: 'ttl', passes: ({ packet, router }) => router === undefined || hasTtl(packet, router.path) },
  // A version that is not spoken at all, and one that this virtual router does not speak.
  { reason: 'version', passes: hasVersion },
  { reason: 'type', passes: ({ decoded }) => decoded.fault !== 'type' },
  { reason: 'length', passes: ({ decoded }) => decoded.fault !== 'length' },
  { reason: 'checksum', passes: hasChecksum },
  { reason: 'vrid', passes: ({ router }) => router !== undefined },
  { reason: 'family', passes: ({ packet, router }) => familyOf(packet.source) === router?.family },
  // Section 5.2.5: a count of 0 must be ignored.
  {
    reason: 'no-addresses',
    passes: ({ decoded }) => decoded.kind !== 'advert' || decoded.advertisement.addresses.length > 0,
  },
  // Section 5.2.7 allows 1 to 4095; adopting 0 would let one packet start an election at once.
  { reason: 'interval', passes: ({ decoded }) => decoded.advertisement?.maxAdvertiseInterval !== 0 },
  // No router speaks from 0.0.0.0 or a group; such a rival could neither be told to people nor outranked by address.
  { reason: 'source', passes: ({ packet }) => !isNotUnicast(packet.source) },
  // Before `owner`, so that our own looped adverts are never taken for a second owner's.
  { reason: 'own-source', passes: ({ packet, router }) => packet.source !== router?.source },
  // What is sent to us alone passes routers: only those that were named may.
  { reason: 'peer', passes: ({ packet, router }) => router !== undefined && isPeer(packet, router.path) },
  // None, where one is asked for; another kind; a trailer that is not understood.
  { reason: 'authentication-type', passes: hasAuthenticationType },
  // The wrong password, an unknown key, or an HMAC that was not made with it.
  {
    reason: 'authentication',
    passes: ({ shown, router }) =>
      shown !== undefined && router !== undefined && isAuthentic(router.authentication, shown),
  },
  // The first message of a sender whose date is not ours: a recording, or a clock that is wrong.
  { reason: 'stale', passes: (reception) => sequenceVerdict(reception)?.reason !== 'stale' },
  // One that came long after it was made: kept from arriving, and played now.
  { reason: 'late', passes: (reception) => sequenceVerdict(reception)?.reason !== 'late' },
  { reason: 'replay', passes: (reception) => sequenceVerdict(reception)?.reason !== 'replay' },
  // RFC 3768 section 7.1 discards it, and then both are active. Version 3 adopts the other's interval instead.
  { reason: 'interval-mismatch', passes: hasOurInterval },
  { reason: 'owner', passes: ({ decoded, router }) => decoded.kind !== 'advert' || router?.isOwner !== true },
] as const satisfies readonly ReceiveCheck[];

/** Why a packet was refused; names the counter. */
export type RejectReason = (typeof RECEIVE_CHECKS)[number]['reason'];

/** What is odd about an accepted advert. Worth a line in the log when it begins, never a reason to refuse. */
export type ReceiveWarning =
  /**
   * The peer advertises other addresses than are configured here. RFC 9568 section 7.1 lets us discard it, but then
   * adding an address on one director makes both of them active (keepalived up to 2.3.2 does).
   */
  | 'address-list'
  /** Over IPv6 the peer's first address is not link-local, as RFC 9568 section 5.2.9 wants it and ours is. */
  | 'first-address';

export type Verdict =
  | {
      readonly accepted: true;
      readonly kind: MessageKind;
      readonly vrid: number;
      readonly advertisement: Advertisement;
      readonly warnings: readonly ReceiveWarning[];
      /** With keys: what to keep in `marks` for the source of the packet, from now on. */
      readonly mark: Mark | undefined;
    }
  | {
      readonly accepted: false;
      /** As the packet claims it; undefined when it cannot be read or is not configured here. */
      readonly vrid: number | undefined;
      readonly reason: RejectReason;
      /** As of an accepted one, where this refusal must be remembered. */
      readonly mark?: Mark | undefined;
    };

const NO_WARNINGS: readonly ReceiveWarning[] = [];

/**
 * Judges one packet. `routerFor` looks among the virtual routers of the path that it came by; `date` is in
 * milliseconds since 1970 and `now` by the monotonic clock, and both matter only where there are keys. Never throws.
 */
export function judge(
  packet: ReceivedPacket,
  routerFor: (vrid: number) => LocalRouter | undefined,
  date: Milliseconds,
  now: Instant,
): Verdict {
  const decoded = decode(packet.message, familyOf(packet.source));
  // Where the VRID stands has never changed, so that a packet of another version counts where people look for it.
  const vrid = packet.message[1];
  const router = vrid === undefined ? undefined : routerFor(vrid);
  const shown = router && !decoded.fault ? shownBy(packet, decoded, router.authentication) : undefined;
  const reception: Reception = { packet, decoded, router, shown, date, now };
  const failed = RECEIVE_CHECKS.find((check) => !check.passes(reception));
  if (failed) {
    const mark = failed.reason === 'late' ? sequenceVerdict(reception)?.state : undefined;
    return { accepted: false, vrid: router?.vrid, reason: failed.reason, ...(mark && { mark }) };
  }
  // Both are there, or `length` and `vrid` would have failed.
  if (decoded.fault || !router) return { accepted: false, vrid: undefined, reason: 'vrid' };
  const { kind, advertisement } = decoded;
  const warnings = kind === 'advert' ? warningsOf(advertisement.addresses, router) : NO_WARNINGS;
  const mark = sequenceVerdict(reception)?.state;
  return { accepted: true, kind, vrid: router.vrid, advertisement, warnings, mark };
}

/** A fresh set of counters, one for each check. */
export const noRejections = (): Record<RejectReason, number> =>
  Object.fromEntries(RECEIVE_CHECKS.map(({ reason }) => [reason, 0])) as Record<RejectReason, number>;

function hasTtl({ ttl, source }: ReceivedPacket, path: ReceivePath): boolean {
  if (path.transport === 'multicast') return ttl === VRRP_TTL;
  const least = path.peers.find(({ address }) => address === source)?.leastTtl;
  return least === undefined || (ttl !== undefined && ttl >= least);
}

const isPeer = ({ source }: ReceivedPacket, path: ReceivePath): boolean =>
  path.transport === 'multicast' || path.peers.some(({ address }) => address === source);

function hasVersion({ packet, decoded, router }: Reception): boolean {
  if (decoded.fault === 'version') return false;
  return router === undefined || router.version === (packet.message[0] ?? 0) >> 4;
}

function hasChecksum({ packet, decoded }: Reception): boolean {
  const { message, source, destination } = packet;
  if (decoded.fault) return false;
  const covered = checksummedBytes(message, familyOf(source), decoded.length);
  return verifiedForm(covered, source, destination) !== undefined;
}

function hasAuthenticationType({ shown, router }: Reception): boolean {
  if (!shown || !router) return false;
  // Over UDP a source address is forged by anybody anywhere.
  if (router.path.transport === 'udp' && router.authentication.type !== 'hmac') return false;
  return isExpectedType(router.authentication, shown);
}

/** undefined where there are no keys. */
const sequenceVerdict = ({ shown, router, date, now }: Reception): SequenceVerdict | undefined =>
  shown &&
  router &&
  judgeSequence(router.authentication, shown, { date, window: freshnessWindow(router.advertInterval) }, now);

function hasOurInterval({ decoded, router }: Reception): boolean {
  if (decoded.fault || decoded.advertisement.version !== 2) return true;
  return decoded.advertisement.maxAdvertiseInterval === router?.advertInterval;
}

function warningsOf(addresses: readonly IpAddress[], router: LocalRouter): readonly ReceiveWarning[] {
  if (sameInOrder(addresses, router.addresses)) return NO_WARNINGS;
  const warnings: ReceiveWarning[] = [];
  if (!sameInAnyOrder(addresses, router.addresses)) warnings.push('address-list');
  if (!beginsLinkLocal(addresses) && beginsLinkLocal(router.addresses)) warnings.push('first-address');
  return warnings;
}

const sameInOrder = (a: readonly IpAddress[], b: readonly IpAddress[]): boolean =>
  a.length === b.length && a.every((address, i) => address === b[i]);

/** The order of the addresses carries no meaning. */
function sameInAnyOrder(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  const advertised = new Set(a);
  return advertised.size === new Set(b).size && b.every((address) => advertised.has(address));
}

const beginsLinkLocal = ([first]: readonly IpAddress[]): boolean => first !== undefined && isLinkLocal(first);
