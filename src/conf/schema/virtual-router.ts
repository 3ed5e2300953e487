/** Virtual routers and sync groups. */
import * as z from 'zod';
import { duration } from '../duration.ts';
import { flag, interfaceName, mapping, name, oneOf, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';
import { routes, rules, virtualAddresses } from './network.ts';
import { notify } from './programs.ts';
import { track } from './tracking.ts';
import { transport } from './transport.ts';

const preempt = z
  .union(
    [
      flag(),
      z.strictObject({
        delay: duration({ least: '0s', most: '24h' })
          .prefault('0s')
          .describe('How long one of lower priority must have been heard before it is preempted.'),
      }),
    ],
    { error: phrase('true, false or { delay: 30s }') },
  )
  .prefault(true);

const vmac = z
  .union(
    [
      flag(),
      z.strictObject({
        device: interfaceName()
          .optional()
          .describe('The name of the macvlan device. Default: vrrp. and the VRID.'),
      }),
    ],
    { error: phrase('true, false or { device: vrrp.51 }') },
  )
  .prefault(false);

const pause = (usual: string) => duration({ least: '0s', most: '1h' }).prefault(usual);

const announce = z.strictObject(
  {
    count: wholeNumber(1, 100).prefault(5).describe('How many at once after a take-over.'),
    spacing: pause('100ms').describe('Between two of them.'),
    delay: pause('5s').describe('Until a second series. 0s: none.'),
    delayed_count: wholeNumber(0, 100).prefault(5).describe('How many in the second series.'),
    refresh: pause('0s').describe('Between repetitions for as long as it is active. 0s: none.'),
    address_spacing: pause('0ms').describe('Between two addresses, for switches that drop bursts.'),
  },
  mapping('count, spacing, delay and others'),
);

const timing = {
  advert_interval: duration({ least: '10ms', most: '40.95s', step: '10ms' })
    .prefault('1s')
    .describe('Time between adverts, from 10ms to 40.95s in steps of 10ms; whole seconds in version 2.'),
  down_adverts: wholeNumber(1, 255)
    .prefault(3)
    .describe('A failed director is missed after so many missing adverts.'),
  preempt: preempt.describe(
    'Whether this director takes over from an active one of lower priority, perhaps after a delay.',
  ),
  startup_delay: duration({ least: '0s', most: '1h' })
    .optional()
    .describe("How long it only listens after the start. Default: the section vrrp's."),
};

export const virtualRouter = z
  .strictObject(
    {
      interface: interfaceName().describe(
        'The network interface that carries the adverts and the addresses.',
      ),
      vrid: wholeNumber(1, 255).describe(
        'Identifies the virtual router in its network: the same on all its directors, and used by no other.',
      ),
      version: z
        .union([z.literal(2), z.literal(3)], { error: phrase('2 or 3') })
        .prefault(3)
        .describe(
          '3 (RFC 9568), or 2 (RFC 3768) beside directors that know no other: IPv4 and whole seconds only.',
        ),
      priority: wholeNumber(1, 255)
        .prefault(100)
        .describe(
          'The director with the highest priority is active. 255: it owns the addresses, and is active whenever it is up.',
        ),
      ...timing,
      checksum: oneOf(['legacy', 'rfc9568'])
        .prefault('legacy')
        .describe(
          'How adverts of version 3 over IPv4 are summed. legacy: with the pseudo-header, as keepalived does. rfc9568: without, for Cisco and others that refuse it. Both are accepted.',
        ),
      ...transport,
      addresses: virtualAddresses.describe(
        'The virtual addresses (VIPs), IPv4 and IPv6, each with the length of its network prefix: 32 or 128 unless given.',
      ),
      routes: routes.prefault([]).describe('Routes that are there while it is active.'),
      rules: rules.prefault([]).describe('Policy rules that are there while it is active.'),
      vmac: vmac.describe(
        'Whether the addresses have the virtual Ethernet address 00:00:5e:00:01:VRID (IPv6: …:02:VRID), on a macvlan device, so that no ARP cache changes.',
      ),
      accept: flag()
        .prefault(true)
        .describe('Whether this host itself answers on the addresses. false drops packets to them.'),
      announce: announce.prefault({}).describe('Gratuitous ARP and unsolicited neighbour advertisements.'),
      track: track.prefault({}).describe('What else decides whether it can be active.'),
      probe: oneOf(['beside', 'before', 'off'])
        .prefault('beside')
        .describe(
          'Whether a silent owner is looked for by ARP or ND: beside the take-over, before it, or not.',
        ),
      notify: notify.prefault({}).describe('Programs, and mail, at a change of state.'),
    },
    mapping('the settings of a virtual router'),
  )
  .describe('One VRID on one interface: addresses that the directors share, held by one of them at a time.');

export const syncGroup = z
  .strictObject(
    {
      members: z
        .array(name(), { error: phrase('a list of virtual routers such as [vip1, vip2]') })
        .min(1, { error: phrase('at least one virtual router such as [vip1, vip2]') })
        .describe('The virtual routers, by name.'),
      track: track.prefault({}).describe('What is tracked for all members.'),
      notify: notify.prefault({}).describe('Programs, and mail, when the group changes its state.'),
    },
    mapping('members, track and notify'),
  )
  .describe('Virtual routers that are active only together.');
