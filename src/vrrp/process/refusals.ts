/** What people are told of messages of a peer that is set up differently. */
import type { IpAddress } from '../../model/address.ts';
import type { ReceiveWarning, RejectReason, Verdict } from '../receive-checks.ts';
import type { ThrottledLog } from './throttle.ts';

/** A message as people know it. */
interface Letter {
  readonly interfaceName: string;
  /** The name of the virtual router that it is for. */
  readonly router: string;
  readonly source: IpAddress;
}

/** Both directors are active while this lasts. */
const LOUD: RejectReason = 'interval-mismatch';
/** Our own message, sent back by the network: only counted. */
const QUIET: RejectReason = 'own-source';

const WARNINGS: Readonly<Record<ReceiveWarning, string>> = {
  'address-list': 'a peer advertises other addresses than are configured here',
  'first-address': "the first IPv6 address of a peer's adverts is not link-local, as RFC 9568 wants it",
};

const REFUSALS: Readonly<Partial<Record<RejectReason, string>>> = {
  'interval-mismatch':
    'a peer of VRRPv2 has another advert_interval, so each refuses the other and both are active: give both the same',
  version: 'a peer speaks another version of VRRP: set `version` to the same on both',
  authentication: 'a peer has another password or key: give both the same',
  'authentication-type': 'a peer authenticates in another way: give both the same `authentication`',
  stale: "a peer's clock is too far from ours for its key to count: set the clocks by NTP",
  late: 'a message came long after it was made: it was kept back and played now, or its sender stood still with its clock',
  replay: 'a message was sent a second time: a replay, or a loop in the network',
  peer: 'it comes from none of the configured peers',
  ttl: 'it came from too far away (TTL)',
};

/** A line for each thing that is odd about it; none where nothing is. */
export function complainOf(letter: Letter, verdict: Verdict, complain: ThrottledLog): void {
  const tell = (what: string, level: 'error' | 'warn', text: string): void => {
    const { interfaceName, router, source } = letter;
    complain(`${what} ${interfaceName} ${router}`, level, `virtual router ${router}: ${text}`, {
      virtualRouter: router,
      source,
    });
  };
  if (verdict.accepted) for (const warning of verdict.warnings) tell(warning, 'warn', WARNINGS[warning]);
  else if (verdict.reason !== QUIET)
    tell(verdict.reason, verdict.reason === LOUD ? 'error' : 'warn', refusal(verdict.reason));
}

function refusal(reason: RejectReason): string {
  const words = REFUSALS[reason];
  return words === undefined ? `refused an advert: ${reason}` : `refused an advert (${reason}): ${words}`;
}
