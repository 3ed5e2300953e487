/** The cases of kernel-network-cases.ts, which plays them on a node; kernel-network.test.ts has a result for each. */
export const NETWORK_CASES = [
  'links: name, state, MAC address, MTU and loopback',
  'a lifetime is renewed without a gap',
  'the kernel removes the address when its lifetime is over, and tells',
  'a lifetime of nothing is refused, and the error names the address',
  'an address on a link that is not there: refused, not removed, none listed',
  'removed once, then not there',
  'two lengths of the same address are two, and each is removed alone',
  'a VIP beside the link’s own address goes and leaves it and its route',
  'a VIP that came first goes and leaves the link’s own address, its route and a default route',
  'a VIP that came first and whose lifetime ends leaves the link’s own address',
  'a VIP outlives the link’s own address',
  'a VIP that is the only address of its network brings and takes the route',
  'IPv6: usable at once, renewed, removed',
  'two thousand addresses, listed',
  'notices: a link that goes down, is renamed, leaves a bridge, and ends',
  'notices: an overrun is told, and those after it are heard',
] as const;
