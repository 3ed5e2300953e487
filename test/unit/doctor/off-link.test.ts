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
const onLink = { router: undefined };
const behind = { router: ip('10.1.1.1') };
const routes = (second: typeof onLink | typeof behind) =>
  new Map([
    [ip('10.1.1.2'), onLink],
    [ip('10.2.2.2'), second],
    [ip('10.2.2.3'), behind],
  ]);

it('a real server behind a router is a problem of dr alone', () => {
  expect(offLinkFindings({ virtualServers: [far] }, routes(behind))).toMatchObject([
    {
      severity: 'problem',
      what: 'far: 10.2.2.2 is behind the router 10.1.1.1, and dr reaches hosts on a link only',
    },
  ]);
});

it('where all are on a link that is good, and without dr nobody asks', () => {
  expect(offLinkFindings({ virtualServers: [far] }, routes(onLink))).toMatchObject([{ severity: 'good' }]);
  expect(offLinkFindings({ virtualServers: [virtualServer()] }, new Map())).toEqual([]);
});

it('one that no route leads to is told as unknown, and the others are not said to be good', () => {
  const known = new Map([[ip('10.1.1.2'), onLink]]);
  expect(offLinkFindings({ virtualServers: [far] }, known)).toMatchObject([
    { severity: 'unknown', what: expect.stringContaining('10.2.2.2'), mend: 'ip route get 10.2.2.2' },
  ]);
});
