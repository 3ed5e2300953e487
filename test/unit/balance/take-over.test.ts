/** Which virtual servers get the clients of others when a service by address becomes one by mark, or the other way round. */
import { expect, it } from 'vitest';
import { takeOverOf } from '../../../src/balance/take-over.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { tableKeyText } from '../../../src/model/ipvs-table.ts';
import { entryAt, virtualServer } from '../../support/virtual-server.ts';

const VIP = '10.1.1.254' as IpAddress;
const at = (...ports: readonly [number, ...number[]]) => {
  const [first, ...rest] = ports;
  const entries = [entryAt(VIP, first), ...rest.map((port) => entryAt(VIP, port))] as const;
  return virtualServer({ name: `at ${ports}`, entries });
};
const by = (mark: number, from: number, to: number, more: { readonly protocol?: 'udp' } = {}) =>
  virtualServer({
    name: `by ${mark}`,
    entries: [{ kind: 'mark', mark, family: 'ipv4' }],
    match: [{ address: VIP, protocol: 'tcp', ports: [{ from, to }], ...more }],
  });
/** Marks that others set. */
const unknown = virtualServer({ entries: [{ kind: 'mark', mark: 9, family: 'ipv4' }] });
const every = virtualServer({
  name: 'every',
  entries: [{ kind: 'mark', mark: 8, family: 'ipv4' }],
  match: [{ address: VIP, protocol: 'tcp', ports: [] }],
});

type Servers = readonly ConfiguredVirtualServer[];

it.each<[string, Servers, Servers, string[], string[]]>([
  ['one by address becomes one by mark', [at(80)], [by(7, 80, 80)], ['by 7'], ['tcp 10.1.1.254:80']],
  ['and back', [by(7, 80, 80)], [at(80)], ['at 80'], ['fwmark 7 ipv4']],
  ['a mark becomes another one', [by(7, 80, 90)], [by(8, 85, 85)], ['by 8'], ['fwmark 7 ipv4']],
  [
    'a part of the ports',
    [at(80, 443, 8080)],
    [by(7, 80, 443)],
    ['by 7'],
    [80, 443].map((p) => `tcp 10.1.1.254:${p}`),
  ],
  ['every port', [at(80)], [every], ['every'], ['tcp 10.1.1.254:80']],
  ['a port leaves a mark that stays', [by(7, 80, 81)], [by(7, 80, 80), at(81)], ['at 81'], []],
  [
    'a mark that is there already gets a port',
    [by(7, 80, 80), at(81)],
    [by(7, 80, 81)],
    [],
    ['tcp 10.1.1.254:81'],
  ],
  ['other ports', [at(80)], [by(7, 81, 90)], [], []],
  ['another protocol', [at(80)], [by(7, 80, 80, { protocol: 'udp' })], [], []],
  ['nobody knows for what the mark is', [at(80)], [unknown], [], []],
  ['addresses alone', [at(80)], [at(81)], [], []],
  ['nothing changes', [by(7, 80, 80), at(80)], [by(7, 80, 80), at(80)], [], []],
])('%s', (_, before, after, successors, replaced) => {
  const takeOver = takeOverOf(before, after);
  expect(takeOver.successors.map(({ name }) => name)).toEqual(successors);
  expect(takeOver.replaced.map(tableKeyText).sort()).toEqual(replaced.sort());
});

it('is found among tens of thousands of ports at once', () => {
  const all = Array.from({ length: 60_000 }, (_, port) => port + 1) as [number, ...number[]];
  const { replaced } = takeOverOf([at(...all)], [by(7, 1, 60_000)]);
  expect(replaced).toHaveLength(60_000);
});
