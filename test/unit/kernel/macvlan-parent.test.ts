import { expect, it } from 'vitest';
import { aliasOf, differing, parentSettings } from '../../../src/kernel/macvlan-parent.ts';

it('remembers the parent’s settings in the alias of a macvlan', () => {
  const before = { arp_ignore: 0, arp_announce: 1 };
  expect(aliasOf(before)).toBe('vipward parent arp_ignore=0 arp_announce=1');
  expect(parentSettings(aliasOf(before))).toEqual(before);
});

it('takes no other alias for one', () => {
  for (const alias of ['', 'uplink', 'vipward parent', 'vipward parent arp_ignore=x arp_announce=1'])
    expect(parentSettings(alias)).toBeUndefined();
});

it('changes only what differs', () => {
  const now = { arp_ignore: 1, arp_announce: 0 };
  expect(differing(now, (_, value) => Math.max(value, 1))).toEqual({ arp_announce: 1 });
  expect(differing(now, (_, value) => value)).toBeUndefined();
});
