/** Ends of IPv6 tunnels (linux/if_tunnel.h, net/ipv6/ip6_tunnel.c). */
import { AttributeWriter } from '../attribute.ts';

const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_IPTUN_PROTO = 9;
/** 0 stands for any. */
const PROTOCOL = { any: 0, ipv6: 41 } as const;
/** struct ifinfomsg. */
const NO_HEADER = new Uint8Array(16);

/** For RTM_NEWLINK of a link that is there: the protocol is all that can be changed of ip6tnl0. */
export const encodeTunnelProtocol = (name: string, protocol: keyof typeof PROTOCOL): Uint8Array =>
  new AttributeWriter()
    .raw(NO_HEADER)
    .string(IFLA_IFNAME, name)
    .nested(IFLA_LINKINFO, (info) =>
      info
        .string(IFLA_INFO_KIND, 'ip6tnl')
        .nested(IFLA_INFO_DATA, (data) => data.u8(IFLA_IPTUN_PROTO, PROTOCOL[protocol])),
    )
    .finish();
