/** Direct routing reaches hosts on a link only. */
import { expect, it } from 'vitest';
import { offLinkFindings } from '../../../src/doctor/off-link.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

const ip = (text: string) => text as IpAddress;
const far = virtualServer({
  name: 'far',
  realServers: [
    realServerAt('10.1.1.2'),
    realServerAt('10.2.2.2'),
    realServerAt('10.2.2.3', { forwarding: 'tun' }),
  ],
});
const routers = new Map([
  [ip('10.2.2.2'), ip('10.1.1.1')],
  [ip('10.2.2.3'), ip('10.1.1.1')],
]);

it('a real server behind a router is a problem of dr alone', () => {
  expect(offLinkFindings({ virtualServers: [far] }, routers)).toMatchObject([
    {
      severity: 'problem',
      what: 'far: 10.2.2.2 is behind the router 10.1.1.1, and dr reaches hosts on a link only',
    },
  ]);
});

it('where all are on a link that is good, and without dr nobody asks', () => {
  expect(offLinkFindings({ virtualServers: [far] }, new Map())).toMatchObject([{ severity: 'good' }]);
  expect(offLinkFindings({ virtualServers: [virtualServer()] }, new Map())).toEqual([]);
});
