import { describe, expect, it } from 'vitest';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { remnantsOf } from '../../../src/prepare/remnants.ts';
import { tableOf } from '../../support/held-table.ts';
import { entryAt, realServerAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

const nat = virtualServer({ realServers: [realServerAt('10.2.0.2', { forwarding: 'nat' })] });
const left = (table: readonly ConfiguredVirtualServer[], config: readonly ConfiguredVirtualServer[]) =>
  remnantsOf(table.flatMap(tableOf), config).map(({ realServers }) =>
    realServers.map(({ address, forwarding }) => `${address} ${forwarding}`),
  );

describe('what the table holds though it is not configured', () => {
  it('is nothing where it is as configured', () => {
    expect(left([nat], [nat])).toEqual([]);
    const sorry = virtualServer({ sorryServers: [sorryServerAt('10.2.0.9', { forwarding: 'nat' })] });
    const taken = { ...sorry, realServers: [realServerAt('10.2.0.9', { forwarding: 'nat' })] };
    expect(left([taken], [sorry])).toEqual([]);
  });

  it('is a virtual server that was removed, with what it may have been: fullnat', () => {
    expect(left([nat], [])).toEqual([['10.2.0.2 fullnat']]);
    expect(left([nat], [virtualServer({ entries: [entryAt('10.9.9.9')] })])).toEqual([['10.2.0.2 fullnat']]);
  });

  it('are real servers that were exchanged, or have another port or forwarding now', () => {
    const now = (address: string, more: Parameters<typeof realServerAt>[1] = { forwarding: 'nat' }) =>
      virtualServer({ realServers: [realServerAt(address, more)] });
    expect(left([nat], [now('10.2.0.3')])).toEqual([['10.2.0.2 fullnat']]);
    expect(left([nat], [now('10.2.0.2', { forwarding: 'nat', port: 81 })])).toEqual([['10.2.0.2 fullnat']]);
    expect(left([nat], [now('10.2.0.2', { forwarding: 'dr' })])).toEqual([['10.2.0.2 fullnat']]);
    expect(left([now('10.2.0.2', { forwarding: 'tun' })], [nat])).toEqual([['10.2.0.2 tun']]);
  });

  it('tells of persistence and scheduler, as settings depend on them', () => {
    const [entry] = tableOf(nat);
    if (entry === undefined) throw new Error('one entry');
    const settings = { ...entry.settings, scheduler: 'mh', flags: 1 };
    expect(remnantsOf([{ ...entry, settings }], [])).toMatchObject([
      { scheduler: 'mh', persistence: {}, onFailure: 'drain' },
    ]);
    expect(remnantsOf([entry], [])).toMatchObject([{ scheduler: 'wlc', persistence: undefined }]);
  });

  it('is found with a few looks at each of many real servers', () => {
    let looks = 0;
    const names = Array.from({ length: 1_000 }, (_, index) => `10.2.${index >> 8}.${index & 255}`);
    const servers = names.map((name) => realServerAt(name, { forwarding: 'nat' }));
    const counted = servers.map((server) => ({
      ...server,
      get address() {
        looks++;
        return server.address;
      },
    }));
    const table = [virtualServer({ realServers: [...servers, realServerAt('10.2.9.9')] })];
    expect(left(table, [virtualServer({ realServers: counted })])).toEqual([['10.2.9.9 dr']]);
    expect(looks).toBeLessThan(10 * names.length);
  });
});
