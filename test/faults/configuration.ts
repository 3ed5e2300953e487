/** The same virtual routers in the words of vipward and of keepalived. */
import type { Program } from '../bench/bench.ts';

export const VIP = '10.1.1.254';
export const VRID = 51;
/** The client's host: also the real server, the router and the host of etcd, where a fault is about such things. */
export const CLIENT = '10.1.1.100';
export const ETCD = `http://${CLIENT}:2379`;

export const GUARDS = ['heartbeat', 'gateway', 'arbiter'] as const;
/**
 * `heartbeat`: adverts go over the second network as well. `gateway`: whoever does not reach the client's host, in the
 * place of a router, is in FAULT. `arbiter`: etcd on the client's host.
 */
export type Guard = (typeof GUARDS)[number];

export interface RouterPlan {
  readonly name: string;
  readonly interface: string;
  readonly vrid: number;
  readonly addresses: readonly string[];
}

export interface Plan {
  readonly priority: number;
  /** Advert interval in ms. */
  readonly interval: number;
  readonly realtime: boolean;
  /** Whether a virtual server is balanced, which takes a kernel with IPVS. */
  readonly service: boolean;
  /** With one, VRRPv2 is spoken and this is its password. */
  readonly password: string | undefined;
  /** What vipward has against two owners beyond VRRP itself, and keepalived has not. */
  readonly guards: readonly Guard[];
  readonly routers: readonly RouterPlan[];
}

export const WEB: RouterPlan = { name: 'web', interface: 'eth0', vrid: VRID, addresses: [VIP] };

export const configurationFor = (program: Program, plan: Plan): string =>
  program === 'vipward' ? vipwardFile(plan) : keepalivedFile(plan);

const vipwardFile = (plan: Plan): string => `
vrrp: { realtime: ${plan.realtime} }
virtual_routers:${plan.routers.map((router) => vipwardRouter(plan, router)).join('')}
${plan.guards.includes('gateway') ? GATEWAY : ''}
${plan.guards.includes('arbiter') ? `arbiter: { etcd: [${ETCD}], lease: 4s }` : ''}
${plan.service ? VIPWARD_SERVICE : ''}`;

const vipwardRouter = (plan: Plan, router: RouterPlan): string => `
  ${router.name}:
    interface: ${router.interface}
    vrid: ${router.vrid}
    priority: ${plan.priority}
    advert_interval: ${plan.interval}ms
    ${plan.password === undefined ? '' : `version: 2\n    authentication: { text: ${plan.password} }`}
    ${plan.guards.includes('heartbeat') ? 'heartbeat: [eth0, eth1]' : ''}
    ${plan.guards.includes('gateway') ? 'track: { gateways: [router] }' : ''}
    addresses: [${router.addresses.map((address) => `${address}/24`).join(', ')}]`;

const GATEWAY = `track: { gateways: { router: { interface: eth0, address: ${CLIENT}, interval: 500ms, fall: 3 } } }`;

const VIPWARD_SERVICE = `
services:
  web:
    address: ${VIP}
    port: 80
    forwarding: dr
    check: { tcp: {}, interval: 200ms, timeout: 1s }
    real_servers: [{ address: ${CLIENT} }]
`;

const keepalivedFile = (plan: Plan): string => `
global_defs {
  vrrp_version ${plan.password === undefined ? 3 : 2}
  ${plan.realtime ? 'vrrp_rt_priority 50' : ''}
}
${plan.routers.map((router) => keepalivedRouter(plan, router)).join('')}
${plan.service ? KEEPALIVED_SERVICE : ''}`;

const keepalivedRouter = (plan: Plan, router: RouterPlan): string => `
vrrp_instance ${router.name} {
  state BACKUP
  interface ${router.interface}
  virtual_router_id ${router.vrid}
  priority ${plan.priority}
  advert_int ${plan.interval / 1_000}
  ${plan.password === undefined ? '' : `authentication {\n auth_type PASS\n auth_pass ${plan.password}\n }`}
  virtual_ipaddress {
${router.addresses.map((address) => `    ${address}/24`).join('\n')}
  }
}
`;

const KEEPALIVED_SERVICE = `
virtual_server ${VIP} 80 {
  delay_loop 0.2
  lvs_method DR
  protocol TCP
  real_server ${CLIENT} 80 {
    TCP_CHECK {
      connect_timeout 1
    }
  }
}
`;
