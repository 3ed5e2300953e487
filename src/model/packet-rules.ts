/** What the packet filter does for IPVS, in plain values: marks that select a virtual server, and source NAT. */
import type { IpAddress } from './address.ts';
import type { MarkMatch } from './config.ts';

/** Packets to `address` with one of these ports get the mark, those of this host's own clients too. */
export interface MarkRule extends MarkMatch {
  /** 1 to 2^32 - 1. What was in the packet's mark before is gone. */
  readonly mark: number;
}

/**
 * Connections that IPVS masquerades from a virtual address to one of these real servers leave with an address of the
 * director's in the place of the client's, so that the replies come back whatever the route to the client.
 */
export interface SourceNatRule {
  /** What the client asked for: of one family with the real servers. */
  readonly virtual: MarkMatch;
  readonly realServers: readonly NatRealServer[];
  /**
   * The director's address that they see; `auto`: the one that it reaches each of them with. From an address each
   * client's own port is kept where it is free.
   */
  readonly to: IpAddress | 'auto';
}

export interface NatRealServer {
  readonly address: IpAddress;
  /** undefined: the port that the client asked for. */
  readonly port: number | undefined;
}

export interface PacketRules {
  readonly marks: readonly MarkRule[];
  readonly sourceNats: readonly SourceNatRule[];
  /**
   * Addresses of `sourceNats` to which real servers may speak of connections that are not known here yet: this host does
   * not reset them. None unless given.
   */
  readonly awaited?: readonly IpAddress[];
  /**
   * Real servers that were behind a source NAT which is gone, and may have connections that began under it: what
   * translates their packets stays, though nothing that begins is translated. None unless given.
   */
  readonly translated?: readonly IpAddress[];
}
