/**
 * What ip6tnl0, the kernel's own end of every IPv6 tunnel, takes out of them. Through netlink older kernels refuse any
 * change of it (6.1: EINVAL), through the ioctl of `ip -6 tunnel change` they allow this one.
 */
import { AF_INET6, Arena, check, closeDescriptor, libc, openSocket, SOCK_DGRAM } from './libc.ts';

/** SIOCDEVPRIVATE + 3 (linux/if_tunnel.h). */
const SIOCCHGTUNNEL = 0x89f3;
/** struct ifreq: a name, and a union of 24 bytes with a pointer in it. */
const REQUEST_SIZE = 40;
const NAME_SIZE = 16;
/** struct ip6_tnl_parm (linux/ip6_tunnel.h): zeroes stand for every address, as ip6tnl0 has it. */
const PARAMETERS_SIZE = 64;
const PROTOCOL_OFFSET = 20;
/** 0 stands for any. */
const PROTOCOL = { any: 0, ipv6: 41 } as const;

/** Whether the link takes IPv4 as well as IPv6 out of its tunnels, or IPv6 alone as by itself. Throws SystemError. */
export function setTunnelProtocol(link: string, protocol: keyof typeof PROTOCOL): void {
  const name = new TextEncoder().encode(link);
  if (name.length >= NAME_SIZE) throw new Error(`${link} is too long for the name of a link`);
  const parameters = new Arena(PARAMETERS_SIZE);
  parameters.bytes.set(name);
  parameters.bytes[PROTOCOL_OFFSET] = PROTOCOL[protocol];
  const request = new Uint8Array(REQUEST_SIZE);
  request.set(name);
  request.set(new Uint8Array(BigUint64Array.of(parameters.address).buffer), NAME_SIZE);
  const socket = openSocket(AF_INET6, SOCK_DGRAM, 0, 'IPv6 datagram');
  try {
    check(libc.ioctl(socket, SIOCCHGTUNNEL, request), 'SIOCCHGTUNNEL', `${link} to ${protocol}`);
  } finally {
    closeDescriptor(socket);
  }
}
