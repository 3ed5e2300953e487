import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Addresses } from '../../../src/kernel/addresses.ts';
import { type Link, openLinks } from '../../../src/kernel/links.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { Reactor } from '../../../src/sys/reactor.ts';
import { RouterInterface } from '../../../src/vrrp/process/router-interface.ts';
import { virtualRouter } from './director.ts';

const routers = [virtualRouter(150, { interface: 'lo' })];
let reactor: Reactor;
let loopback: RouterInterface;
let lo: Link;
let listing: () => ReturnType<Addresses['list']>;

beforeEach(() => {
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
  loopback = new RouterInterface('lo', {
    reactor,
    addresses: {
      list: () => listing(),
      prepare: () => undefined,
      put: () => [],
      renew: () => undefined,
      settled: async () => undefined,
      remove: () => [],
      close: () => undefined,
    },
    complain: () => undefined,
    onMessage: () => undefined,
  });
});

afterEach(() => {
  loopback.close();
  reactor.close();
});

const fail = () => {
  listing = () => {
    throw new Error('list addresses: no memory');
  };
};

describe('an interface whose addresses cannot be listed', () => {
  it('cannot be taken up', () => {
    fail();
    loopback.refresh(lo, routers);
    expect(loopback.obstacle).toBe('interface lo cannot be used: list addresses: no memory');
    expect(loopback.failed).toBe(true);
  });

  it('goes on where it was in use: only its own condition stops it', () => {
    loopback.refresh(lo, routers);
    expect([loopback.obstacle, loopback.source]).toEqual([undefined, '127.0.0.1']);
    fail();
    loopback.refresh(lo, routers);
    expect([loopback.obstacle, loopback.source, loopback.failed]).toEqual([undefined, '127.0.0.1', true]);
    loopback.refresh({ ...lo, up: false }, routers);
    expect(loopback.obstacle).toBe('interface lo is down');
  });
});
