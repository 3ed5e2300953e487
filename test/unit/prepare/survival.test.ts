import { expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { Config } from '../../../src/model/config.ts';
import { endedByFailover } from '../../../src/prepare/survival.ts';
import { address, virtualRouter } from '../../support/virtual-router.ts';
import { entryAt, realServerAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

const SOURCE = '10.2.0.100' as IpAddress;
const virtualRouters = [virtualRouter({ addresses: [address('10.1.1.254'), address(SOURCE)] })];
const SYNC = { interface: 'eth1' } as Config['ipvs']['sync'];
const from = (sourceAddress: IpAddress | undefined, name = 'far') =>
  virtualServer({ name, realServers: [realServerAt('10.3.0.2', { forwarding: 'fullnat', sourceAddress })] });

const told = (
  virtualServers: Config['virtualServers'],
  sync: Config['ipvs']['sync'] = undefined,
  routers = virtualRouters,
) => endedByFailover({ virtualServers, virtualRouters: routers, ipvs: { sync } });

it('a source address that floats is told to be of no use where connections are not synchronised', () => {
  const [ending, ...others] = told([from(undefined, 'own'), from(SOURCE), from(SOURCE, 'more')]);
  expect([ending?.service, others]).toEqual(['far', []]);
  expect(ending?.what).toBe(
    'the source_address of service far (and of 1 more) floats, but there is no ipvs.sync',
  );
  expect(ending?.mend).toContain('sync');
});

it('of sorry servers, too', () => {
  const sorryServers = [sorryServerAt('10.3.0.9', { forwarding: 'fullnat', sourceAddress: SOURCE })];
  expect(told([virtualServer({ sorryServers })])).toHaveLength(1);
});

it('nothing is told of one that does not float, nor of one that is synchronised', () => {
  expect(told([from(undefined), from('10.2.0.9' as IpAddress)])).toEqual([]);
  expect(told([from(SOURCE)], undefined, [])).toEqual([]);
  expect(told([from(SOURCE)], SYNC)).toEqual([]);
});

it('associations of SCTP are told not to go on, by an address or by a mark', () => {
  const entries = [{ ...entryAt('10.1.1.254'), protocol: 'sctp' }] as const;
  const match = [{ address: '10.1.1.254' as IpAddress, protocol: 'sctp', ports: [] }] as const;
  const marks = [{ kind: 'mark', mark: 7, family: 'ipv4' }] as const;
  for (const service of [{ entries }, { entries: marks, match }]) {
    const [ending, ...others] = told([from(SOURCE), { ...from(SOURCE, 'calls'), ...service }], SYNC);
    expect([ending?.service, others]).toEqual(['calls', []]);
    expect(ending?.what).toBe('the source_address of service calls floats, but its protocol is sctp');
  }
});
