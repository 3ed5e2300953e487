/** The cases of kernel-network-routing-cases.ts; kernel-network-routing.test.ts has a result for each. */
export const ROUTING_CASES = [
  'an address with label and scope, renewed and removed',
  'an IPv6 VIP is deprecated, stays so when it is renewed, and is no source of other connections',
  '255 IPv6 addresses, put, renewed and removed',
  'routes of every kind: put, put again, listed as asked, removed, and gone',
  'a route of somebody else to the same destination is shadowed, not replaced, not removed',
  'an IPv6 route of somebody else: refused; of ours: replaced',
  'one route of many that is refused stops no other, and is named',
  'a route is put again after its link was down',
  'what another process of ours left is found and removed',
  'rules of every kind: put, put again, listed as asked, removed, and gone',
  'a rule of somebody else that is the same stays',
  'notices of our routes and rules, in order',
  'forty thousand changes of others’ routes wake nobody and lose nothing',
] as const;
