/** Entries of connection tracking (ctnetlink, linux/netfilter/nfnetlink_conntrack.h), as far as new ones are made. */
import { addressToBytes, familyOf } from '../model/address.ts';
import type { ConnectionEnd, TranslatedConnection } from '../model/connections.ts';
import { AttributeWriter } from './attribute-writer.ts';
import { FAMILY_NUMBER } from './family.ts';

/** NFNL_SUBSYS_CTNETLINK in the upper byte, IPCTNL_MSG_CT_NEW in the lower. */
export const NEW_CONNTRACK = 0x100;

const CTA = {
  tupleOriginal: 1,
  tupleReply: 2,
  status: 3,
  protocolInfo: 4,
  sourceNat: 6,
  timeout: 7,
} as const;
const TUPLE = { ip: 1, protocol: 2 } as const;
const IP = {
  ipv4: { source: 1, destination: 2 },
  ipv6: { source: 3, destination: 4 },
} as const;
const PROTOCOL = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const TCP_INFO = { tcp: 1, state: 1, flagsOriginal: 4, flagsReply: 5 } as const;
const NAT = {
  ipv4: { least: 1, most: 2 },
  ipv6: { least: 4, most: 5 },
  protocol: 3,
  leastPort: 1,
  mostPort: 2,
} as const;

/** IPS_SEEN_REPLY, IPS_ASSURED and IPS_CONFIRMED (linux/netfilter/nf_conntrack_common.h), most significant byte first. */
const STATUS = [0, 0, 0, 0x2 | 0x4 | 0x8];
/** Of nf_conntrack_tcp.h: whatever its windows say, a packet belongs to the connection. */
const IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;
/** The same and IP_CT_TCP_FLAG_SACK_PERM, of a connection of which nobody knows anything here. */
const UNKNOWN_WINDOWS = 0x02 | IP_CT_TCP_FLAG_BE_LIBERAL;

/** IPPROTO_TCP and IPPROTO_UDP. */
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** enum tcp_conntrack of linux/netfilter/nf_conntrack_tcp.h. */
const TCP_STATES = { established: 3, 'fin-wait': 4, 'close-wait': 5 } as const;

/**
 * The payload of a message NEW_CONNTRACK. The entry is as IPVS and the rules for source NAT would have left it: the
 * source is translated by connection tracking (IPS_SRC_NAT), the destination by IPVS (ip_vs_update_conntrack() of
 * net/netfilter/ipvs/ip_vs_nfct.c), so it is in the tuple of the replies but not translated by connection tracking.
 */
export function encodeConntrack(connection: TranslatedConnection): Uint8Array {
  const { protocol, state, client, virtual, realServer, source, timeout } = connection;
  const writer = startMessage(client)
    .nested(CTA.tupleOriginal, (tuple) => writeTuple(tuple, protocol, client, virtual))
    // Before the source is translated: nf_nat_setup_info() of net/netfilter/nf_nat_core.c makes the rest of it.
    .nested(CTA.tupleReply, (tuple) => writeTuple(tuple, protocol, realServer, client))
    .attribute(CTA.status, STATUS)
    .attribute(CTA.timeout, u32be(timeout))
    .nested(CTA.sourceNat, (nat) => writeSourceNat(nat, source));
  if (protocol === 'tcp') writer.nested(CTA.protocolInfo, (info) => writeTcp(info, state));
  return writer.finish();
}

/**
 * The payload of a message NEW_CONNTRACK that changes the entry of a TCP connection: its windows, which are from when its
 * packets last came by here, no longer decide which packets belong to it.
 */
export function encodeLiberal({ protocol, client, virtual }: TranslatedConnection): Uint8Array {
  return startMessage(client)
    .nested(CTA.tupleOriginal, (tuple) => writeTuple(tuple, protocol, client, virtual))
    .nested(CTA.protocolInfo, (info) =>
      info.nested(TCP_INFO.tcp, (tcp) => writeFlags(tcp, IP_CT_TCP_FLAG_BE_LIBERAL)),
    )
    .finish();
}

/** struct nfgenmsg: family, version 0, resource 0. */
const startMessage = ({ address }: ConnectionEnd): AttributeWriter =>
  new AttributeWriter().raw([FAMILY_NUMBER[familyOf(address)], 0, 0, 0]);

function writeTuple(
  writer: AttributeWriter,
  protocol: TranslatedConnection['protocol'],
  from: ConnectionEnd,
  to: ConnectionEnd,
): void {
  const { source, destination } = IP[familyOf(from.address)];
  writer
    .nested(TUPLE.ip, (ip) =>
      ip.attribute(source, addressToBytes(from.address)).attribute(destination, addressToBytes(to.address)),
    )
    .nested(TUPLE.protocol, (ports) =>
      ports
        .u8(PROTOCOL.number, PROTOCOLS[protocol])
        .u16be(PROTOCOL.sourcePort, from.port)
        .u16be(PROTOCOL.destinationPort, to.port),
    );
}

function writeSourceNat(writer: AttributeWriter, { address, port }: ConnectionEnd): void {
  const { least, most } = NAT[familyOf(address)];
  writer
    .attribute(least, addressToBytes(address))
    .attribute(most, addressToBytes(address))
    .nested(NAT.protocol, (ports) => ports.u16be(NAT.leastPort, port).u16be(NAT.mostPort, port));
}

const writeTcp = (writer: AttributeWriter, state: TranslatedConnection['state']): AttributeWriter =>
  writer.nested(TCP_INFO.tcp, (tcp) =>
    writeFlags(tcp.u8(TCP_INFO.state, TCP_STATES[state]), UNKNOWN_WINDOWS),
  );

/** struct nf_ct_tcp_flags: the flags, and which of them are meant. */
const writeFlags = (writer: AttributeWriter, flags: number): AttributeWriter =>
  writer.attribute(TCP_INFO.flagsOriginal, [flags, flags]).attribute(TCP_INFO.flagsReply, [flags, flags]);

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
