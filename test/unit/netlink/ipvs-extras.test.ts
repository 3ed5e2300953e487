/** Tunnels, counters, time-outs and masks of IPVS, as bytes and back. */
import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../../../src/model/address.ts';
import type { TableRealServer } from '../../../src/model/ipvs-table.ts';
import type { Tunnel } from '../../../src/model/virtual-server.ts';
import { AttributeWriter } from '../../../src/netlink/attribute-writer.ts';
import { encodeOperation } from '../../../src/netlink/ipvs/command.ts';
import { decodeCountedDestination, decodeDestination } from '../../../src/netlink/ipvs/destination.ts';
import { CMD_ATTR, DEST_ATTR } from '../../../src/netlink/ipvs/numbers.ts';
import { decodeCountedService, decodeService } from '../../../src/netlink/ipvs/service.ts';
import { decodeTimeouts, encodeSetTimeouts } from '../../../src/netlink/ipvs/timeouts.ts';
import { Malformed } from '../../../src/netlink/reader.ts';
import { real, tcp } from '../../support/ipvs-contract.ts';
import * as vector from './vectors.ts';

const WEB = tcp('10.1.1.254', 80);
const HEADER = [8, 1, 0, 0];
const NO_TRAFFIC = {
  connections: 0,
  incomingPackets: 0,
  outgoingPackets: 0,
  incomingBytes: 0,
  outgoingBytes: 0,
};

/** What a kernel answers of a real server by tun, with `fill` written into it. */
const destination = (fill: (writer: AttributeWriter) => void): Uint8Array =>
  new AttributeWriter()
    .raw(HEADER)
    .nested(CMD_ATTR.dest, (writer) => {
      writer.attribute(DEST_ATTR.address, [10, 1, 1, 2, ...Array(12).fill(0)]);
      writer.u16be(DEST_ATTR.port, 80).u32(DEST_ATTR.forwarding, 2).u32(DEST_ATTR.weight, 1);
      for (const type of [
        DEST_ATTR.upperThreshold,
        DEST_ATTR.lowerThreshold,
        DEST_ATTR.active,
        DEST_ATTR.inactive,
        DEST_ATTR.persistent,
      ])
        writer.u32(type, 0);
      fill(writer);
    })
    .finish();

describe('a tunnel', () => {
  const sent = (server: TableRealServer) =>
    Buffer.from(encodeOperation({ op: 'add-real-server', key: WEB, realServer: server })).toString('hex');

  it('is named where it is another than IP in IP, and only under tun', () => {
    const tunnel: Tunnel = { kind: 'gue', port: 6080, checksum: 'remote' };
    // Type 1, port 6080 in network order, flags 2.
    const bytes = '05000d000100000006000e0017c0000006000f0002000000';
    expect(sent(real('10.1.1.2', 80, { forwarding: 'tun', tunnel }))).toContain(bytes);
    expect(sent(real('10.1.1.2', 80, { forwarding: 'dr', tunnel }))).toBe(sent(real('10.1.1.2', 80)));
    expect(sent(real('10.1.1.2', 80, { forwarding: 'tun' }))).not.toContain('05000d00');
  });

  it.each([
    [0, 0, 0, undefined],
    [1, 6080, 0, { kind: 'gue', port: 6080, checksum: 'none' }],
    [1, 1, 3, { kind: 'gue', port: 1, checksum: 'remote' }],
    [2, 0, 1, { kind: 'gre', port: 0, checksum: 'plain' }],
  ])('type %d, port %d, flags %d', (type, port, flags, tunnel) => {
    const bytes = destination((writer) =>
      writer
        .u8(DEST_ATTR.tunnelType, type)
        .u16be(DEST_ATTR.tunnelPort, port)
        .u16(DEST_ATTR.tunnelFlags, flags),
    );
    const read = decodeDestination(bytes, 'ipv4');
    expect(read).toMatchObject({ forwarding: 'tun', ...(tunnel !== undefined && { tunnel }) });
    if (tunnel === undefined) expect(read).not.toHaveProperty('tunnel');
  });

  it('of a kernel before 5.3 is plain, one of a type that nobody knows malformed', () => {
    expect(
      decodeDestination(
        destination(() => undefined),
        'ipv4',
      ),
    ).not.toHaveProperty('tunnel');
    const unknown = destination((writer) => writer.u8(DEST_ATTR.tunnelType, 3));
    expect(decodeDestination(unknown, 'ipv4')).toEqual(new Malformed('real server: tunnel type 3'));
  });
});

describe('counters', () => {
  const u64 = (number: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(number).buffer);
  const traffic = (first: number) => ({
    connections: first,
    incomingPackets: first + 1,
    outgoingPackets: first + 2,
    incomingBytes: first + 3,
    outgoingBytes: first + 4,
  });

  it('in 64 bits go before those in 32', () => {
    const bytes = destination((writer) => {
      writer.nested(DEST_ATTR.stats, (stats) => {
        for (let type = 1; type <= 10; type++) stats.u32(type, 0);
      });
      writer.nested(DEST_ATTR.stats64, (stats) => {
        for (let type = 1; type <= 10; type++) stats.attribute(type, u64(0x1_0000_0000n + BigInt(type)));
      });
    });
    expect(decodeCountedDestination(bytes, 'ipv4')).toMatchObject({
      statistics: { total: traffic(2 ** 32 + 1), perSecond: traffic(2 ** 32 + 6) },
    });
  });

  it('of a kernel before 4.1 are in 32 bits, but for bytes', () => {
    const bytes = destination((writer) =>
      writer.nested(DEST_ATTR.stats, (stats) => {
        for (let type = 1; type <= 10; type++)
          if (type === 4 || type === 5) stats.attribute(type, u64(BigInt(type)));
          else stats.u32(type, type);
      }),
    );
    expect(decodeCountedDestination(bytes, 'ipv4')).toMatchObject({
      statistics: { total: traffic(1), perSecond: traffic(6) },
    });
  });

  it('as Linux 6.1 sent them', () =>
    expect(decodeCountedService(vector.SERVICE)).toMatchObject({
      key: WEB,
      statistics: { total: NO_TRAFFIC, perSecond: NO_TRAFFIC },
    }));

  it('that are missing are malformed', () =>
    expect(
      decodeCountedDestination(
        destination(() => undefined),
        'ipv4',
      ),
    ).toBeInstanceOf(Malformed));
});

describe('time-outs', () => {
  it('are sent in seconds, 0 for what stays', () => {
    expect(Buffer.from(encodeSetTimeouts({ tcp: 900, udp: 300 })).toString('hex')).toBe(
      ['0c010000', '0800040084030000', '0800050000000000', '080006002c010000'].join(''),
    );
  });

  it('are read, and one that is missing is 0', () => {
    expect(decodeTimeouts(encodeSetTimeouts({ tcp: 900, tcpFin: 120, udp: 300 }))).toEqual({
      tcp: 900,
      tcpFin: 120,
      udp: 300,
    });
    const some = new AttributeWriter().raw(HEADER).u32(CMD_ATTR.timeoutTcp, 900).finish();
    expect(decodeTimeouts(some)).toEqual({ tcp: 900, tcpFin: 0, udp: 0 });
  });
});

describe('a mask with holes', () => {
  const settings = {
    scheduler: 'wrr',
    flags: 1,
    timeout: 300,
    granularity: 17,
    engine: '',
    mask: '255.0.255.128' as IpAddress,
  };

  it('is sent as it is, and read with the number of its bits', () => {
    const bytes = encodeOperation({ op: 'add-virtual-server', key: WEB, settings });
    expect(Buffer.from(bytes).toString('hex')).toContain('08000900ff00ff80');
    expect(decodeService(bytes)).toEqual({ key: WEB, settings });
  });
});
