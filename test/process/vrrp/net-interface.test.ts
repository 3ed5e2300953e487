import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Addresses } from '../../../src/kernel/addresses.ts';
import { type Link, openLinks } from '../../../src/kernel/links.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { Reactor } from '../../../src/sys/reactor.ts';
import { NetInterface } from '../../../src/vrrp/process/net-interface.ts';

/** Of the link, as the kernel has it, and what was done, in order. */
let promoteSecondaries: string;
let done: string[];
vi.mock(import('../../../src/kernel/sysctl.ts'), async (original) => ({
  ...(await original()),
  readSetting: () => promoteSecondaries,
}));

let reactor: Reactor;
let loopback: NetInterface;
let lo: Link;
let listing: () => ReturnType<Addresses['list']>;

beforeEach(() => {
  promoteSecondaries = '1';
  done = [];
  const links = openLinks();
  const found = links.list().find(({ name }) => name === 'lo');
  links.close();
  if (found === undefined) throw new Error('this machine has no lo');
  lo = { ...found, up: true, running: true };
  listing = () => [
    {
      index: lo.index,
      prefix: { address: '127.0.0.1' as IpAddress, length: 8 },
      lifetime: 'forever',
      secondary: false,
      label: 'lo',
    },
  ];
  reactor = new Reactor();
  loopback = new NetInterface('lo', {
    reactor,
    addresses: {
      list: () => listing(),
      prepare: () => void done.push('set'),
      makeReady: () => undefined,
      put: () => [],
      renew: () => undefined,
      settled: async () => undefined,
      remove: () => [],
      close: () => undefined,
    },
    groups: { put: () => undefined, keep: () => true, remove: () => undefined },
    complain: () => undefined,
    onMessage: () => undefined,
    onClaim: () => undefined,
    onSettingChanged: ({ path, was, set }) => void done.push(`${path.join('.')}: ${was} → ${set}`),
  });
  loopback.use({
    vrids: { ipv4: [51], ipv6: [] },
    multicast: { ipv4: true, ipv6: false },
    peers: [],
    watched: [],
    asks: false,
  });
});

afterEach(() => {
  loopback.close();
  reactor.close();
});

const held = () => loopback.held.map(({ prefix }) => prefix.address);

const fail = () => {
  listing = () => {
    throw new Error('list addresses: no memory');
  };
};

describe('an interface', () => {
  it('whose addresses cannot be listed cannot be taken up', () => {
    fail();
    loopback.refresh(lo, false);
    expect(loopback.obstacle).toBe('interface lo cannot be used: list addresses: no memory');
    expect(loopback.failed).toBe(true);
  });

  it('whose addresses cannot be listed goes on where it was in use: only its own condition stops it', () => {
    loopback.refresh(lo, false);
    expect([loopback.obstacle, held()]).toEqual([undefined, ['127.0.0.1']]);
    fail();
    loopback.refresh(lo, false);
    expect([loopback.obstacle, held(), loopback.failed]).toEqual([undefined, ['127.0.0.1'], true]);
    loopback.refresh({ ...lo, up: false }, false);
    expect(loopback.obstacle).toBe('interface lo is down');
  });

  it('has its setting told before it is changed: whoever puts it back may be killed in between', () => {
    promoteSecondaries = '0';
    loopback.refresh(lo, false);
    expect(done).toEqual(['net.ipv4.conf.lo.promote_secondaries: 0 → 1', 'set']);
  });

  it('whose setting is as it should be has nothing to put back', () => {
    loopback.refresh(lo, false);
    expect(done).toEqual(['set']);
  });

  it('that is down is opened where it goes up only with its addresses', () => {
    loopback.refresh({ ...lo, up: false }, false);
    expect(loopback.index).toBeUndefined();
    loopback.refresh({ ...lo, up: false }, true);
    expect([loopback.index, loopback.obstacle]).toEqual([lo.index, 'interface lo is down']);
  });
});
