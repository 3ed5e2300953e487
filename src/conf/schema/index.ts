/**
 * The shape of the file: the one definition that validates it, types it, and becomes the JSON Schema with which
 * editors complete it. What a single value may be is in this folder; how values must fit together is in `../rules/`.
 *
 * A default is written as the file would write it (`prefault`), so that the JSON Schema can show it. Where a short
 * form stands for a longer one (a name for a mapping), the shape has the longer.
 */
import * as z from 'zod';
import { mapping, name } from '../fields.ts';
import { director, mail, vrrp } from './daemon.ts';
import { arbiter, fencing } from './guard.ts';
import { ipvs } from './ipvs.ts';
import { fixed } from './network.ts';
import { service } from './service.ts';
import { trackers } from './tracking.ts';
import { syncGroup, virtualRouter } from './virtual-router.ts';

export const configShape = z.strictObject(
  {
    director: director.prefault({}).describe('This director itself.'),
    vrrp: vrrp.prefault({}).describe('VRRP as a whole.'),
    ipvs: ipvs.prefault({}).describe("The kernel's IPVS table as a whole."),
    virtual_routers: z
      .record(name(), virtualRouter, mapping('names to virtual routers'))
      .prefault({})
      .describe('Virtual routers by name: the addresses that move between directors.'),
    sync_groups: z
      .record(name(), syncGroup, mapping('names to sync groups'))
      .prefault({})
      .describe('Sync groups by name: virtual routers that are active only together.'),
    track: trackers.prefault({}).describe('What virtual routers and sync groups track, by name.'),
    arbiter: arbiter.optional(),
    fencing: fencing.optional(),
    mail: mail.optional(),
    static: fixed.prefault({}).describe('Addresses, routes and rules that are there whatever the state.'),
    services: z
      .record(name(), service, mapping('names to virtual servers'))
      .prefault({})
      .describe('Virtual servers by name: what is balanced, and over which real servers.'),
  },
  mapping('virtual_routers, services and other sections'),
);

/** The file once its shape has been found right, with the defaults filled in. */
export type ConfigShape = z.infer<typeof configShape>;
export type VirtualRouterShape = ConfigShape['virtual_routers'][string];
export type SyncGroupShape = ConfigShape['sync_groups'][string];
export type TrackShape = VirtualRouterShape['track'];
export type NotifyShape = VirtualRouterShape['notify'];
export type TrackersShape = ConfigShape['track'];
export type ArbiterShape = NonNullable<ConfigShape['arbiter']>;
export type FencingShape = NonNullable<ConfigShape['fencing']>;
export type MailShape = NonNullable<ConfigShape['mail']>;
export type FixedShape = ConfigShape['static'];
export type RouteShape = FixedShape['routes'][number];
export type RuleShape = FixedShape['rules'][number];
export type ConnectionSyncShape = NonNullable<ConfigShape['ipvs']['sync']>;
export type IpvsShape = ConfigShape['ipvs'];
export type ServiceShape = ConfigShape['services'][string];
export type RealServerShape = ServiceShape['real_servers'][number];
export type SorryServerShape = NonNullable<ServiceShape['sorry_server']>[number];
export type PersistenceShape = NonNullable<ServiceShape['persistence']>;
export type TunnelShape = NonNullable<ServiceShape['tunnel']>;
export type CheckShape = NonNullable<ServiceShape['check']>;
