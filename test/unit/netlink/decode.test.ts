import { describe, expect, it } from 'vitest';
import { decodeFamily } from '../../../src/netlink/generic.ts';
import { decodeInfo } from '../../../src/netlink/ipvs/command.ts';
import { decodeDestination } from '../../../src/netlink/ipvs/destination.ts';
import { decodeService } from '../../../src/netlink/ipvs/service.ts';
import { decodeError, NLM_F } from '../../../src/netlink/message.ts';
import { Malformed } from '../../../src/netlink/reader.ts';
import { decodeAddress } from '../../../src/netlink/route/address.ts';
import { decodeLink } from '../../../src/netlink/route/link.ts';
import * as vector from './vectors.ts';

describe('what the kernel sent', () => {
  it('a persistent virtual server: the granularity is a mask, the hashed flag is not shown', () =>
    expect(decodeService(vector.SERVICE)).toEqual({
      key: { kind: 'address', protocol: 'tcp', address: '10.1.1.254', port: 80 },
      settings: { scheduler: 'wrr', flags: 1, timeout: 300, granularity: 24, engine: '' },
    }));

  it('an IPv6 virtual server: the granularity is a length', () =>
    expect(decodeService(vector.SERVICE6)).toEqual({
      key: { kind: 'address', protocol: 'tcp', address: 'fd00::fe', port: 80 },
      settings: { scheduler: 'mh', flags: 16, timeout: 0, granularity: 128, engine: '' },
    }));

  it('a virtual server by firewall mark', () =>
    expect(decodeService(vector.SERVICE_MARK)).toEqual({
      key: { kind: 'mark', mark: 7, family: 'ipv6' },
      settings: { scheduler: 'rr', flags: 0, timeout: 0, granularity: 128, engine: '' },
    }));

  it('real servers, with thresholds and of another family', () => {
    const connections = { active: 0, inactive: 0, persistent: 0 };
    expect(decodeDestination(vector.DESTINATION, 'ipv4')).toEqual({
      address: '10.1.1.2',
      port: 80,
      forwarding: 'dr',
      weight: 2,
      upperThreshold: 9,
      lowerThreshold: 4,
      connections,
    });
    expect(decodeDestination(vector.DESTINATION_MIXED, 'ipv4')).toEqual({
      address: 'fd00::5',
      port: 80,
      forwarding: 'tun',
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      connections,
    });
  });

  it('the family and what it says of itself', () => {
    expect(decodeFamily(vector.FAMILY)).toBe(28);
    expect(decodeInfo(vector.INFO)).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
  });

  it('addresses: own and not the peer’s, with and without a lifetime', () => {
    expect(decodeAddress(vector.ADDRESS_LOOPBACK)).toEqual({
      index: 1,
      prefix: { address: '127.0.0.1', length: 8 },
      lifetime: 'forever',
      secondary: false,
      label: 'lo',
    });
    expect(decodeAddress(vector.ADDRESS_PEER)).toMatchObject({ prefix: { address: '10.1.1.1', length: 32 } });
    expect(decodeAddress(vector.ADDRESS_LEASE)).toMatchObject({
      index: 3,
      prefix: { address: '10.1.1.254', length: 24 },
      lifetime: 5,
      label: 'v0',
    });
    expect(decodeAddress(vector.ADDRESS6)).toMatchObject({
      prefix: { address: 'fe80::34ff:8bff:fe50:77f', length: 64 },
      lifetime: 'forever',
      label: '',
    });
  });

  it('a refusal with the kernel’s own words', () => {
    const message = { type: 2, flags: NLM_F.capped | NLM_F.acknowledgementAttributes, sequence: 7, port: 0 };
    expect(decodeError({ ...message, payload: vector.REFUSAL })).toEqual({
      errno: 22,
      text: 'ipv4: address lifetime invalid',
    });
  });
});

describe('what it should not have sent', () => {
  const decoders: readonly [string, Uint8Array, (bytes: Uint8Array) => unknown][] = [
    ['virtual server', vector.SERVICE, decodeService],
    ['real server', vector.DESTINATION, (bytes) => decodeDestination(bytes, 'ipv4')],
    ['address', vector.ADDRESS_LEASE, decodeAddress],
  ];
  for (const [name, bytes, decode] of decoders)
    it(`${name}: a message cut short anywhere within its attributes is malformed, and says so`, () => {
      const whole = decode(bytes);
      for (let length = 0; length < bytes.length; length++) {
        const result = decode(bytes.slice(0, length));
        if (result instanceof Malformed) expect(result.reason).toContain(name);
        // A cut between two attributes is no error by itself: what is needed may be there.
        else expect(Object.keys(result as object)).toEqual(Object.keys(whole as object));
      }
      expect(decode(bytes.slice(0, 3))).toBeInstanceOf(Malformed);
    });

  it('values that mean nothing: a family, a protocol, a method, a prefix length, index 0', () => {
    const altered = (bytes: Uint8Array, at: number, value: number) => bytes.with(at, value);
    expect(decodeService(altered(vector.SERVICE, 12, 3))).toMatchObject({
      reason: expect.stringMatching(/address family 3/),
    });
    expect(decodeService(altered(vector.SERVICE, 20, 1))).toMatchObject({
      reason: expect.stringMatching(/protocol 1/),
    });
    expect(decodeDestination(altered(vector.DESTINATION, 40, 5), 'ipv4')).toMatchObject({
      reason: expect.stringMatching(/forwarding method 5/),
    });
    expect(decodeAddress(altered(vector.ADDRESS_LEASE, 1, 33))).toMatchObject({
      reason: expect.stringMatching(/prefix length 33/),
    });
    expect(decodeLink(new Uint8Array(16))).toMatchObject({ reason: expect.stringMatching(/index 0/) });
    expect(decodeLink(new Uint8Array(16).with(4, 1))).toMatchObject({
      reason: expect.stringMatching(/attribute 3 is missing/),
    });
  });

  it('a bridge’s notice about its port is not about the link', () =>
    expect(decodeLink(new Uint8Array(32).with(0, 7))).toBeUndefined());
});
