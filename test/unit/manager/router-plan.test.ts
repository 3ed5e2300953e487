import { describe, expect, it } from 'vitest';
import { planRouters } from '../../../src/manager/router-plan.ts';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import { milliseconds } from '../../../src/model/units.ts';
import type { SyncGroup, VirtualRouter } from '../../../src/model/virtual-router.ts';
import { path, routerStatus, virtualRouter } from '../../support/virtual-router.ts';
import { ip } from '../balance/table.ts';

const web = virtualRouter();
const two = { ...web, addresses: [...web.addresses, { address: ip('10.1.1.253'), length: 24 }] };
const status = routerStatus;
const plan = (
  running: readonly VirtualRouter[],
  wanted: readonly VirtualRouter[],
  statuses: readonly RouterStatus[],
) => planRouters({ routers: running, groups: [] }, { routers: wanted, groups: [] }, statuses);
const script = {
  command: ['/etc/n.sh', '-v'],
  timeout: milliseconds(1000),
  user: undefined,
  group: undefined,
};

describe('the plan of the virtual routers', () => {
  it('is empty when nothing changed', () => {
    expect(plan([web], [{ ...web }], [status('active')])).toEqual({
      virtualRouters: [],
      addresses: [],
    });
  });

  it('adds an address on an active director, and says that its state is kept', () => {
    const planned = plan([web], [two], [status('active')]);
    expect(planned.addresses).toEqual(['add 10.1.1.253/24 to eth0']);
    expect(planned.virtualRouters[0]).toMatch(
      /change virtual router web: addresses .*; state MASTER is kept/,
    );
  });

  it('changes no address on a backup', () => {
    expect(plan([web], [two], [status('backup')]).addresses).toEqual([]);
  });

  it('takes the addresses of a removed one away', () => {
    const planned = plan([web], [], [status('active')]);
    expect(planned.virtualRouters).toEqual([
      'remove virtual router web (eth0, VRID 51), handing over its addresses',
    ]);
    expect(planned.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('keeps one that is only named differently, also where two swap their names', () => {
    const www = { ...web, name: 'www' };
    const renamed = plan([web], [www], [status('active')]);
    expect(renamed.virtualRouters).toEqual([
      'change virtual router web: name web → www; state MASTER is kept',
    ]);
    expect(renamed.addresses).toEqual([]);
    const other = { ...web, name: 'other', vrid: 52 };
    const swapped = plan(
      [web, other],
      [
        { ...web, name: 'other' },
        { ...other, name: 'web' },
      ],
      [],
    );
    expect(swapped.virtualRouters).toHaveLength(2);
    expect(swapped.virtualRouters.join()).not.toMatch(/remove|add/);
  });

  it('lets one start anew whose VRID changed', () => {
    const planned = plan([web], [{ ...web, vrid: 52 }], [status('active')]);
    expect(planned.virtualRouters).toEqual([
      'remove virtual router web (eth0, VRID 51), handing over its addresses',
      'add virtual router web (eth0, VRID 52)',
    ]);
    expect(planned.addresses).toEqual(['remove 10.1.1.254/24 from eth0']);
  });

  it('adds one', () => {
    expect(plan([], [web], []).virtualRouters).toEqual(['add virtual router web (eth0, VRID 51)']);
  });

  it('puts addresses where they go: on a device of their own, or on the macvlan', () => {
    const elsewhere = { ...web, addresses: [{ address: ip('10.1.1.254'), length: 24, device: 'eth1' }] };
    expect(plan([web], [elsewhere], [status('active')]).addresses).toEqual([
      'add 10.1.1.254/24 to eth1',
      'remove 10.1.1.254/24 from eth0',
    ]);
    const vmac = { ...web, vmac: { device: 'vrrp.51' } };
    expect(plan([web], [vmac], [status('active')]).addresses).toContain('add 10.1.1.254/24 to vrrp.51');
  });
});

describe('a setting that changes is told in words', () => {
  const peers = [{ address: ip('10.1.1.11'), leastTtl: 255 }];
  const hmac = (secret: string): Partial<VirtualRouter> => ({
    authentication: {
      type: 'hmac',
      keys: [
        { id: 2, secret },
        { id: 1, secret: '0b' },
      ],
    },
  });
  const changed = (was: Partial<VirtualRouter>, is: Partial<VirtualRouter>): string =>
    plan([{ ...web, ...was }], [{ ...web, ...is }], []).virtualRouters.join();

  it.each<[string, Partial<VirtualRouter>]>([
    ['version 3 → 2', { version: 2 }],
    ['down_adverts 3 → 5', { downAdverts: 5 }],
    ['preempt true → false', { preempt: false }],
    ['preempt delay 0ms → 30s', { preemptDelay: milliseconds(30_000) }],
    ['startup delay 0ms → 2m', { startupDelay: milliseconds(120_000) }],
    ['checksum legacy → rfc9568', { checksum: 'rfc9568' }],
    ['authentication none → text', { authentication: { type: 'text', password: 'geheim' } }],
    ['authentication none → hmac key 2, accepts 1', hmac('0a')],
    ['heartbeat eth0 → eth0, eth1', { heartbeat: [path(), path({ interface: 'eth1' })] }],
    [
      'heartbeat eth0 → eth0 udp port 61112 to 10.1.1.11 TTL 255 from 10.1.1.10',
      { heartbeat: [path({ transport: 'udp', peers, source: [ip('10.1.1.10')] })] },
    ],
    [
      'addresses 10.1.1.254/24 → 10.1.1.254/24 label eth0:vip scope link (excluded)',
      {
        addresses: [
          { address: ip('10.1.1.254'), length: 24, label: 'eth0:vip', scope: 'link', excluded: true },
        ],
      },
    ],
    [
      'routes none → default (ipv4) via 10.1.1.9',
      { routes: [{ family: 'ipv4', destination: 'default', nextHops: [{ via: ip('10.1.1.9') }] }] },
    ],
    ['rules none → ipv4 from all table 100', { rules: [{ family: 'ipv4', action: { table: 100 } }] }],
    ['vmac off → vrrp.51', { vmac: { device: 'vrrp.51' } }],
    ['accept true → false', { accept: false }],
    [
      'announce 5 every 100ms → 5 every 100ms and 2 after 5s and again every 1m',
      {
        announce: {
          ...web.announce,
          delay: milliseconds(5000),
          delayedCount: 2,
          refresh: milliseconds(60_000),
        },
      },
    ],
    [
      'track none → script chk weight -20, interface eth1 inverse',
      {
        track: [
          { kind: 'script', name: 'chk', weight: -20, inverse: false },
          { kind: 'interface', name: 'eth1', weight: undefined, inverse: true },
        ],
      },
    ],
    ['probe beside → before', { probe: 'before' }],
    ['notify none → all: /etc/n.sh -v, mail', { notify: { ...web.notify, all: script, mail: true } }],
  ])('%s', (words, change) => {
    expect(changed({}, change)).toBe(`change virtual router web: ${words}; state unknown is kept`);
  });

  it('never with a secret, not even where nothing else changes', () => {
    const words = changed(hmac('abcdef'), hmac('fedcba'));
    expect(words).toBe('change virtual router web: authentication (details); state unknown is kept');
  });
});

describe('sync groups', () => {
  const group = (changes: Partial<SyncGroup> = {}): SyncGroup => ({
    name: 'both',
    members: ['web', 'db'],
    track: [],
    notify: web.notify,
    ...changes,
  });
  const groups = (was: readonly SyncGroup[], is: readonly SyncGroup[]) =>
    planRouters({ routers: [], groups: was }, { routers: [], groups: is }, []).virtualRouters;

  it('are added, changed and removed', () => {
    expect(groups([group()], [group()])).toEqual([]);
    expect(groups([], [group()])).toEqual(['add sync group both of web, db']);
    expect(groups([group()], [])).toEqual(['remove sync group both: its members go on by themselves']);
    const track = [{ kind: 'service', name: 'web', weight: undefined, inverse: false }] as const;
    expect(groups([group()], [group({ members: ['web'], track })])).toEqual([
      'change sync group both: members web, db → web; track none → service web',
    ]);
  });
});
