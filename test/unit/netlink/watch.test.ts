import { describe, expect, it } from 'vitest';
import { decodeNotices, NoticeQueue } from '../../../src/kernel/watch.ts';
import { encodeMessage } from '../../../src/netlink/message.ts';
import { encodeRoute } from '../../../src/netlink/route/route.ts';
import { encodeRule } from '../../../src/netlink/route/rule.ts';
import { ERRNO, SystemError } from '../../../src/sys/errors.ts';
import { ADDRESS_LEASE } from './vectors.ts';

const added = encodeMessage(20, 0, 0, ADDRESS_LEASE);
const removed = encodeMessage(21, 0, 0, ADDRESS_LEASE);
const prefix = { address: '10.1.1.254', length: 24 };

describe('notices', () => {
  it('in their order, others left out', () => {
    const route = encodeMessage(24, 0, 0, new Uint8Array(12));
    expect(decodeNotices(new Uint8Array(Buffer.concat([added, route, removed])))).toEqual([
      { kind: 'address', index: 3, prefix, lifetime: 5 },
      { kind: 'address-gone', index: 3, prefix },
    ]);
  });

  it('of routes and rules ours only', () => {
    const of = (protocol: number) => ({
      family: 'ipv4' as const,
      destination: 'default' as const,
      type: 'unicast' as const,
      scope: 'global' as const,
      table: 254,
      nextHops: [{ index: 3 }],
      protocol,
    });
    const rule = (protocol: number) => ({
      family: 'ipv6' as const,
      priority: 7,
      action: 'prohibit' as const,
      protocol,
    });
    const notices = [
      ...[18, 112].map((protocol) => encodeMessage(24, 0, 0, encodeRoute(of(protocol)))),
      ...[112, 3].map((protocol) => encodeMessage(25, 0, 0, encodeRoute(of(protocol)))),
      ...[0, 112].map((protocol) => encodeMessage(32, 0, 0, encodeRule(rule(protocol)))),
      ...[112, 2].map((protocol) => encodeMessage(33, 0, 0, encodeRule(rule(protocol)))),
    ];
    expect(decodeNotices(new Uint8Array(Buffer.concat(notices)))).toEqual([
      { kind: 'route', route: of(112) },
      { kind: 'route-gone', route: of(112) },
      { kind: 'rule', rule: rule(112) },
      { kind: 'rule-gone', rule: rule(112) },
    ]);
  });

  it('one that cannot be read counts as lost', () => {
    const bad = encodeMessage(16, 0, 0, new Uint8Array(7));
    expect(decodeNotices(bad)).toEqual([{ kind: 'overrun' }]);
    expect(decodeNotices(added.subarray(0, 40))).toEqual([{ kind: 'overrun' }]);
  });

  it('after a full queue: told, what was queued thrown away, told again once it is empty, then as before', () => {
    const lost = new SystemError('recv', ERRNO.ENOBUFS, 'netlink');
    const script = [lost, added, removed, undefined, added, undefined];
    const queue = new NoticeQueue({
      receive() {
        const next = script.shift();
        if (next instanceof Error) throw next;
        return next;
      },
    });
    const told = Array.from({ length: 6 }, () => queue.next()?.map(({ kind }) => kind));
    expect(told).toEqual([['overrun'], [], [], ['overrun'], ['address'], undefined]);
  });

  it('any other error of the socket is thrown', () => {
    const queue = new NoticeQueue({
      receive() {
        throw new SystemError('recv', ERRNO.EBADF, 'netlink');
      },
    });
    expect(() => queue.next()).toThrow(/EBADF/);
  });
});
