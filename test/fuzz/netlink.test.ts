/** Whatever bytes arrive: a value or a reason, soon, and never another kind of error. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelAnswerError, KernelError } from '../../src/kernel/kernel-error.ts';
import { NetlinkRequester } from '../../src/kernel/request.ts';
import { decodeNotices } from '../../src/kernel/watch.ts';
import { addressFromBytes, familyOf, type IpAddress, type Prefix } from '../../src/model/address.ts';
import type { TableKey, TableRealServer, TableSettings } from '../../src/model/ipvs-table.ts';
import type { Scope } from '../../src/model/routes.ts';
import { seconds } from '../../src/model/units.ts';
import { Attributes } from '../../src/netlink/attribute.ts';
import { AttributeWriter } from '../../src/netlink/attribute-writer.ts';
import { decodeFamily } from '../../src/netlink/generic.ts';
import { decodeInfo, encodeOperation } from '../../src/netlink/ipvs/command.ts';
import { type DaemonSpec, decodeDaemon, encodeNewDaemon } from '../../src/netlink/ipvs/daemon.ts';
import { decodeCountedDestination, decodeDestination } from '../../src/netlink/ipvs/destination.ts';
import { decodeCountedService, decodeService } from '../../src/netlink/ipvs/service.ts';
import { decodeTimeouts, encodeSetTimeouts } from '../../src/netlink/ipvs/timeouts.ts';
import {
  decodeDone,
  decodeError,
  encodeMessage,
  type Message,
  splitDatagram,
} from '../../src/netlink/message.ts';
import { Malformed, Reader } from '../../src/netlink/reader.ts';
import { decodeAddress, encodeNewAddress } from '../../src/netlink/route/address.ts';
import { decodeLink } from '../../src/netlink/route/link.ts';
import { decodeLinkDetail } from '../../src/netlink/route/macvlan.ts';
import { decodeRoute, encodeRoute, type RouteEntry } from '../../src/netlink/route/route.ts';
import { decodeRule, encodeRule, type RuleEntry } from '../../src/netlink/route/rule.ts';
import * as vectors from '../unit/netlink/vectors.ts';

const message = (payload: Uint8Array, flags = 0x300): Message => ({
  type: 2,
  flags,
  sequence: 1,
  port: 0,
  payload,
});

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  link: decodeLink,
  'link with details': decodeLinkDetail,
  route: decodeRoute,
  rule: decodeRule,
  'sync daemon': decodeDaemon,
  address: decodeAddress,
  family: decodeFamily,
  info: decodeInfo,
  service: decodeService,
  destination: (bytes) => decodeDestination(bytes, 'ipv4'),
  'service with counters': decodeCountedService,
  'destination with counters': (bytes) => decodeCountedDestination(bytes, 'ipv4'),
  'time-outs': decodeTimeouts,
  error: (bytes) => decodeError(message(bytes)),
  'error with the whole request': (bytes) => decodeError(message(bytes, 0x200)),
  done: (bytes) => decodeDone(message(bytes)),
};

const LINK = new AttributeWriter()
  .raw([0, 0, 1, 0, 3, 0, 0, 0, 0x43, 0, 1, 0, 0, 0, 0, 0])
  .attribute(1, [2, 0, 0, 0, 0, 1])
  .string(3, 'eth0')
  .u32(4, 1500)
  .finish();

const hop = { via: '10.1.1.9' as IpAddress, index: 3, weight: 2 };
const GATEWAYS = encodeRoute({ family: 'ipv4', destination: 'default', nextHops: [hop, hop], protocol: 112 });
const RULE = encodeRule({
  family: 'ipv6',
  from: { address: 'fd00::1' as IpAddress, length: 64 },
  sourcePort: { first: 1, last: 2 },
  action: { table: 1000 },
  protocol: 112,
});
const DAEMON = encodeNewDaemon({ role: 'master', interface: 'eth0', syncId: 7, ttl: 1 });

const TIMEOUTS = encodeSetTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });

const genuine = fc.constantFrom(LINK, TIMEOUTS, GATEWAYS, RULE, DAEMON, ...Object.values(vectors));

/** Real payloads, cut anywhere and with some bytes replaced. */
const altered = fc
  .record({
    bytes: genuine,
    cut: fc.nat(400),
    changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
  })
  .map(({ bytes, cut, changes }) => {
    const copy = new Uint8Array(bytes).slice(0, Math.max(0, bytes.length - (cut % (bytes.length + 1))));
    for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
    return copy;
  });
const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), altered, genuine);

describe('any bytes', () => {
  for (const [name, decode] of Object.entries(DECODERS))
    it(`${name}: a value or a reason`, () =>
      fc.assert(
        fc.property(anyBytes, (bytes) => {
          const result = decode(bytes);
          if (result instanceof Malformed) expect(result.reason).not.toBe('');
        }),
        { numRuns: 2000 },
      ));

  it('a datagram: messages that lie within it, and what is wrong with the rest', () =>
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const { messages, problem } = splitDatagram(bytes);
        const used = messages.reduce((sum, { payload }) => sum + 16 + payload.length, 0);
        expect(used).toBeLessThanOrEqual(bytes.length);
        if (problem === undefined && bytes.length > 0) expect(messages.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    ));

  it('notices: events, and an overrun for what cannot be read', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(16, 17, 20, 21, 24, 25, 32, 33, 3, 99), anyBytes)),
        fc.nat(8),
        (list, cut) => {
          const whole = Buffer.concat(list.map(([type, payload]) => encodeMessage(type, 0, 0, payload)));
          const events = decodeNotices(whole.subarray(0, Math.max(0, whole.length - cut)));
          expect(events.length).toBeLessThanOrEqual(list.length + 1);
          // Up to three bytes at the end are padding.
          if (cut > 3 && whole.length > cut) expect(events.at(-1)).toEqual({ kind: 'overrun' });
        },
      ),
    ));

  it('as the answer to a request, a dump or a batch: an outcome, and the next request is not disturbed', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            anyBytes,
            anyBytes.map((bytes) => encodeMessage(2, 0x100, 1, bytes)),
          ),
        ),
        fc.constantFrom('request', 'dump', 'batch'),
        (datagrams, kind) => {
          const queue = [...datagrams];
          const netlink = new NetlinkRequester({
            send: () => undefined,
            receive: () => queue.shift(),
            close: () => undefined,
          });
          const request = {
            attempt: { operation: 'try', object: 'bytes' },
            type: 30,
            payload: new Uint8Array(),
          };
          try {
            if (kind === 'request') netlink.request(request);
            else if (kind === 'dump') netlink.dump(request, ({ payload }) => decodeService(payload));
            else expect(netlink.batch([request, request])).toHaveLength(2);
          } catch (error) {
            expect(error instanceof KernelError || error instanceof KernelAnswerError).toBe(true);
          }
        },
      ),
      { numRuns: 1000 },
    ));
});

const address: fc.Arbitrary<IpAddress> = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(addressFromBytes);
const port = fc.nat(65535);
const u32 = fc.nat(0xffffffff);
const family = fc.constantFrom('ipv4' as const, 'ipv6' as const);
const key: fc.Arbitrary<TableKey> = fc.oneof(
  fc.record({
    kind: fc.constant('address' as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
    address,
    port,
  }),
  fc.record({ kind: fc.constant('mark' as const), mark: fc.integer({ min: 1, max: 0xffffffff }), family }),
);
const isSix = (of: TableKey): boolean => (of.kind === 'mark' ? of.family : familyOf(of.address)) === 'ipv6';
const name = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz_-'),
  minLength: 1,
  maxLength: 15,
});
const service: fc.Arbitrary<{ key: TableKey; settings: TableSettings }> = key.chain((made) =>
  fc.record({
    key: fc.constant(made),
    settings: fc.record({
      scheduler: name,
      flags: u32.map((flags) => (flags & ~2) >>> 0),
      timeout: u32,
      granularity: fc.integer({ min: 0, max: isSix(made) ? 128 : 32 }),
      engine: fc.oneof(fc.constant(''), name),
    }),
  }),
);
const realServer: fc.Arbitrary<TableRealServer> = fc.record({
  address,
  port,
  forwarding: fc.constantFrom('dr', 'nat', 'tun', 'local', 'bypass'),
  weight: u32,
  upperThreshold: u32,
  lowerThreshold: u32,
});

const addressOf = (of: 'ipv4' | 'ipv6'): fc.Arbitrary<IpAddress> =>
  fc
    .uint8Array({ minLength: of === 'ipv4' ? 4 : 16, maxLength: of === 'ipv4' ? 4 : 16 })
    .map(addressFromBytes);
const prefixOf = (of: 'ipv4' | 'ipv6'): fc.Arbitrary<Prefix> =>
  fc.record({ address: addressOf(of), length: fc.nat(of === 'ipv4' ? 32 : 128) });
const index = fc.integer({ min: 1, max: 0x7fffffff });
const oneHop = fc.oneof(
  fc.record({ via: address }),
  fc.record({ index }),
  fc.record({ via: address, index }),
);
const severalHops = fc.array(
  fc.record({ via: address, index, weight: fc.integer({ min: 1, max: 256 }) }, { requiredKeys: ['weight'] }),
  { minLength: 2, maxLength: 5 },
);
/** As the kernel would tell it: type, table and scope in any case, weights of several next hops only. */
const route: fc.Arbitrary<RouteEntry> = family.chain((of) =>
  fc
    .record(
      {
        family: fc.constant(of),
        destination: fc.oneof(fc.constant('default' as const), prefixOf(of)),
        type: fc.constantFrom('unicast', 'blackhole', 'unreachable', 'prohibit'),
        nextHops: fc.oneof(
          fc.constant([]),
          oneHop.map((each) => [each]),
          severalHops,
        ),
        protocol: fc.nat(255),
        scope: fc.constantFrom<Scope[]>('global', 'site', 'link', 'host', 7),
        table: u32,
        metric: u32,
        source: addressOf(of),
        mtu: u32,
        onlink: fc.constant(true),
      },
      {
        requiredKeys: ['family', 'destination', 'type', 'nextHops', 'protocol', 'scope', 'table'],
      },
    )
    .map(
      ({ onlink, ...made }): RouteEntry => (made.nextHops.length > 0 && onlink ? { ...made, onlink } : made),
    ),
);
const range = fc.record({ first: port, last: port });
const rule: fc.Arbitrary<RuleEntry> = family.chain((of) =>
  fc.record(
    {
      family: fc.constant(of),
      priority: u32,
      action: fc.oneof(fc.record({ table: u32 }), fc.constantFrom('blackhole', 'unreachable', 'prohibit')),
      protocol: fc.nat(255),
      from: prefixOf(of),
      to: prefixOf(of),
      iif: name,
      oif: name,
      fwmark: fc.oneof(fc.record({ mark: u32 }), fc.record({ mark: u32, mask: fc.nat(0xfffffffe) })),
      tos: fc.integer({ min: 1, max: 255 }),
      ipProtocol: fc.nat(255),
      sourcePort: range,
      destinationPort: range,
      not: fc.constant(true),
    },
    { requiredKeys: ['family', 'priority', 'action', 'protocol'] },
  ),
);
const daemon: fc.Arbitrary<DaemonSpec> = fc.record({
  role: fc.constantFrom('master', 'backup'),
  interface: name,
  syncId: fc.integer({ min: 1, max: 255 }),
  maxLength: fc.integer({ min: 1, max: 65507 }),
  group: address,
  port: fc.integer({ min: 1, max: 65535 }),
  ttl: fc.integer({ min: 1, max: 255 }),
});

describe('what is written is read back', () => {
  it('a virtual server', () =>
    fc.assert(
      fc.property(service, (made) => {
        expect(decodeService(encodeOperation({ op: 'add-virtual-server', ...made }))).toEqual(made);
      }),
    ));

  it('a real server', () => {
    // What a dump adds to what was asked for, in a nested attribute behind it.
    const counts = { active: 1, inactive: 2, persistent: 3 };
    fc.assert(
      fc.property(key, realServer, (of, made) => {
        const sent = encodeOperation({ op: 'add-real-server', key: of, realServer: made });
        const { nested, from } = destinationWithin(sent);
        const dumped = new AttributeWriter()
          .raw([8, 1, 0, 0])
          .nested(2, (writer) =>
            writer
              .raw(sent.subarray(from, from + nested))
              .u32(7, 1)
              .u32(8, 2)
              .u32(9, 3),
          )
          .finish();
        expect(decodeDestination(dumped, 'ipv4')).toEqual({ ...made, connections: counts });
      }),
    );
  });

  it('an address', () =>
    fc.assert(
      fc.property(address, fc.nat(128), fc.nat(0x7fffffff), fc.option(u32), (ip, length, index, lifetime) => {
        const prefix: Prefix = { address: ip, length: familyOf(ip) === 'ipv4' ? length % 33 : length };
        const time = lifetime === null || lifetime === 0xffffffff ? 'forever' : seconds(lifetime);
        expect(decodeAddress(encodeNewAddress(index, prefix, time))).toEqual({
          index,
          prefix,
          lifetime: time,
          secondary: false,
          label: '',
        });
      }),
    ));

  it('a route', () =>
    fc.assert(
      fc.property(route, (made) => {
        expect(decodeRoute(encodeRoute(made))).toEqual(made);
      }),
    ));

  it('a rule', () =>
    fc.assert(
      fc.property(rule, (made) => {
        expect(decodeRule(encodeRule(made))).toEqual(made);
      }),
    ));

  it('a sync daemon', () =>
    fc.assert(
      fc.property(daemon, (made) => {
        expect(decodeDaemon(encodeNewDaemon(made))).toEqual(made);
      }),
    ));

  it('attributes of any length, nested', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 100 })),
        fc.infiniteStream(fc.uint8Array()),
        (types, stream) => {
          const values = types.map((type) => [type, stream.next().value ?? new Uint8Array()] as const);
          const bytes = new AttributeWriter()
            .nested(7, (writer) => {
              for (const [type, value] of values) writer.attribute(type, value);
            })
            .finish();
          const reader = new Reader(bytes, 'attributes');
          const read = Attributes.from(reader).nested(7);
          for (const [type, value] of values) expect(read.bytes(type, value.length)).toEqual(value);
          expect(reader.finish('well')).toBe('well');
        },
      ),
    ));
});

/** Where the value of the real server's attribute lies in a request. */
function destinationWithin(sent: Uint8Array): { nested: number; from: number } {
  const view = new DataView(sent.buffer, sent.byteOffset);
  const service = (view.getUint16(4, true) + 3) & ~3;
  return { nested: view.getUint16(4 + service, true) - 4, from: 4 + service + 4 };
}
