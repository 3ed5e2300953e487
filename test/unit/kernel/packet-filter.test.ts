import { expect, it } from 'vitest';
import { refusingRuleset } from '../../../src/kernel/packet-filter.ts';
import type { IpAddress } from '../../../src/model/address.ts';

const ip = (text: string) => text as IpAddress;

it('replaces the table as a whole, behind IPVS', () => {
  const text = refusingRuleset([
    { address: ip('10.1.1.254'), services: [{ protocol: 'tcp', port: 80 }], marks: [] },
    { address: ip('10.1.1.253'), services: [], marks: [] },
    { address: ip('fd00::fe'), services: [], marks: [] },
  ]);
  expect(text.startsWith('table inet vipward\ndelete table inet vipward\ntable inet vipward {\n')).toBe(true);
  expect(text).toContain('type ipv4_addr\n    elements = { 10.1.1.254, 10.1.1.253 }');
  expect(text).toContain('elements = { 10.1.1.254 . tcp . 80 }');
  expect(text).toContain('elements = { fd00::fe }');
  // IPVS stands at 98 and 99 of the same hook.
  expect(Number(/hook input priority (\d+);/.exec(text)?.[1])).toBeGreaterThan(99);
});

it('names an address and a service once, though several virtual routers and servers have it', () => {
  const twice = { address: ip('10.1.1.254'), services: [{ protocol: 'udp', port: 53 }], marks: [7] } as const;
  const text = refusingRuleset([twice, twice]);
  expect(text).toContain('elements = { 10.1.1.254 }');
  expect(text).toContain('elements = { 10.1.1.254 . udp . 53 }');
  expect(text).toContain('elements = { 10.1.1.254 . 7 }');
  expect(text.match(/elements/g)).toHaveLength(3);
});

it('lets every port of a protocol through where a virtual server has every port', () => {
  const services = [{ protocol: 'tcp', port: 0 } as const];
  const text = refusingRuleset([{ address: ip('fd00::fe'), services, marks: [] }]);
  expect(text).toContain('elements = { fd00::fe . tcp }');
  expect(text).not.toContain('fd00::fe . tcp . 0');
});
