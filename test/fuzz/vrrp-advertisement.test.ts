/** The codec, what authenticates a message and the receive checks, against whatever a network can bring. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromBytes, type Family, type IpAddress } from '../../src/model/address.ts';
import { centiseconds, instant, milliseconds, seconds } from '../../src/model/units.ts';
import {
  type Advertisement,
  type Credential,
  checksummedBytes,
  decode,
  encode,
  type MessageKind,
} from '../../src/vrrp/advertisement.ts';
import { decodeTrailer, isSignedWith, secretKey, TRAILER_BYTES } from '../../src/vrrp/authentication/hmac.ts';
import {
  acceptSequence,
  isAfter,
  nextSequence,
  type ReplayState,
  type Sequence,
  sequenceOf,
} from '../../src/vrrp/authentication/sequence.ts';
import { passwordBytes } from '../../src/vrrp/authentication/text.ts';
import { verifiedForm } from '../../src/vrrp/checksum.ts';
import { judge, type LocalRouter, RECEIVE_CHECKS, type Verification } from '../../src/vrrp/receive-checks.ts';

const DATE = milliseconds(1_795_219_200_000);
const NOW = instant(10_000);
const KEY = secretKey({ id: 1, secret: '5a'.repeat(32) });
const SIGNING: Credential = { type: 'hmac', key: KEY, sequence: sequenceOf(DATE) };
const PASSWORD = passwordBytes('s3cret');

const addressOf = (family: Family): fc.Arbitrary<IpAddress> => {
  const length = family === 'ipv4' ? 4 : 16;
  return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => addressFromBytes(bytes));
};
const family = fc.constantFrom<Family>('ipv4', 'ipv6');
const byte = fc.nat(255);
const uint32 = fc.nat(0xffff_ffff);
const sequence: fc.Arbitrary<Sequence> = fc.record({ seconds: uint32, fraction: uint32 });

interface Sample {
  readonly family: Family;
  readonly kind: MessageKind;
  readonly advertisement: Advertisement;
  readonly credential: Credential;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** A message with the addresses of the packet that carries it, all of one family. */
const sample: fc.Arbitrary<Sample> = fc
  .tuple(family, fc.constantFrom<2 | 3>(2, 3))
  .chain(([name, wanted]) => {
    const version = name === 'ipv6' ? 3 : wanted;
    const address = addressOf(name);
    const credentials: readonly Credential[] = [
      { type: 'none' },
      SIGNING,
      ...(version === 2 ? [{ type: 'text', password: PASSWORD } as const] : []),
    ];
    return fc.record({
      family: fc.constant(name),
      kind: version === 2 ? fc.constant('advert' as const) : fc.constantFrom('advert', 'presence', 'request'),
      advertisement: fc.record({
        version: fc.constant(version),
        vrid: byte,
        priority: byte,
        maxAdvertiseInterval: (version === 2 ? byte.map((s) => s * 100) : fc.nat(4095)).map(centiseconds),
        addresses: fc.array(address, { maxLength: 255 }),
      }),
      credential: fc.constantFrom(...credentials),
      source: address,
      destination: address,
    });
  });

const written = ({ advertisement, source, destination, kind, credential }: Sample): Uint8Array =>
  encode(advertisement, source, destination, { kind, credential });

const VERIFICATIONS: Readonly<Record<Credential['type'], Verification>> = {
  none: { type: 'none' },
  text: { type: 'text', password: PASSWORD },
  hmac: { type: 'hmac', keys: new Map([[KEY.id, KEY.secret]]), marks: new Map() },
};

const localOf = (changes: Partial<LocalRouter>): LocalRouter => ({
  vrid: 51,
  version: 3,
  family: 'ipv4',
  isOwner: false,
  addresses: [addressFromBytes(Uint8Array.of(10, 1, 1, 254))],
  source: addressFromBytes(Uint8Array.of(10, 1, 1, 11)),
  advertInterval: centiseconds(100),
  authentication: { type: 'none' },
  path: { transport: 'multicast' },
  ...changes,
});

/** The virtual router that a sample is meant for. */
const meantFor = ({ advertisement, family: name, credential }: Sample): LocalRouter =>
  localOf({
    vrid: advertisement.vrid,
    version: advertisement.version,
    family: name,
    advertInterval: advertisement.maxAdvertiseInterval,
    authentication: VERIFICATIONS[credential.type],
  });

describe('the codec of messages', () => {
  it('gives back what was encoded, with a checksum that holds', () => {
    fc.assert(
      fc.property(sample, (message) => {
        const bytes = written(message);
        const { kind, advertisement, length = 0 } = decode(bytes, message.family);
        expect({ kind, advertisement }).toEqual({ kind: message.kind, advertisement: message.advertisement });
        expect(bytes.length - length).toBe(message.credential.type === 'hmac' ? TRAILER_BYTES : 0);
        const covered = checksummedBytes(bytes, message.family, length);
        expect(verifiedForm(covered, message.source, message.destination)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it('re-encodes any message that it can read, but for reserved bits, checksum and what follows', () => {
    fc.assert(
      fc.property(sample, fc.uint8Array({ maxLength: 40 }), (message, behind) => {
        const bare = { ...message, credential: { type: 'none' } as const };
        const bytes = written(bare);
        const read = decode(Uint8Array.from([...bytes, ...behind]), message.family).advertisement;
        expect(read && written({ ...bare, advertisement: read })).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('names the length as the fault of every message that is cut', () => {
    fc.assert(
      fc.property(sample, fc.nat(), (message, cut) => {
        const bytes = written(message);
        const { length = 1 } = decode(bytes, message.family);
        expect(decode(bytes.subarray(0, cut % length), message.family)).toEqual({ fault: 'length' });
      }),
      { numRuns: 500 },
    );
  });

  it('reads or refuses any bytes, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), family, (bytes, name) => {
        const { advertisement, fault, length = 0 } = decode(bytes, name);
        expect(advertisement === undefined).toBe(fault !== undefined);
        expect(advertisement?.addresses.length ?? 0).toBeLessThanOrEqual(bytes.length / 4);
        expect(length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the authentication of messages', () => {
  it('reads a trailer from any bytes of its length, and from no others', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(decodeTrailer(bytes) !== undefined).toBe(bytes.length === TRAILER_BYTES);
      }),
    );
  });

  it('takes the HMAC of nobody without the key', () => {
    const room = { minLength: TRAILER_BYTES, maxLength: 200 };
    fc.assert(
      fc.property(fc.uint8Array(room), family.chain(addressOf), (bytes, source) => {
        expect(isSignedWith(bytes, source, KEY.secret)).toBe(false);
      }),
    );
  });

  it('accepts no sequence twice, however messages are mixed, from a sender whose clock is right', () => {
    const around = fc.integer({ min: -50, max: 50 }).map((tenths) => tenths * 100);
    fc.assert(
      fc.property(fc.array(around, { maxLength: 60 }), (offsets) => {
        let state: ReplayState;
        const accepted = new Set<number>();
        for (const offset of offsets) {
          const heard = sequenceOf(milliseconds(DATE + offset));
          const verdict = acceptSequence(state, heard, { date: DATE, window: seconds(5) }, NOW);
          if (verdict.accepted) {
            expect(accepted.has(offset)).toBe(false);
            accepted.add(offset);
          }
          state = verdict.state;
        }
      }),
    );
  });

  it('orders any two sequences one way, and the next after every one', () => {
    fc.assert(
      fc.property(sequence, sequence, uint32, (a, b, date) => {
        const same = a.seconds === b.seconds && a.fraction === b.fraction;
        const opposite = (a.seconds - b.seconds) >>> 0 === 0x8000_0000 && a.fraction === b.fraction;
        if (!opposite) expect([isAfter(a, b), isAfter(b, a), same].filter(Boolean)).toHaveLength(1);
        const freshness = { date: milliseconds(date * 1000), window: seconds(300) };
        const next = nextSequence(a, freshness);
        const restarted = next.seconds === date && next.fraction === 0;
        expect(isAfter(next, a) || restarted).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the receive checks', () => {
  const reasons: readonly string[] = RECEIVE_CHECKS.map(({ reason }) => reason);
  const first = fc.constantFrom(0x31, 0x21, 0x32, 0x33, 0x41);
  const header = fc.tuple(first, fc.constantFrom(51, 52), byte, fc.nat(3));
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .tuple(header, fc.uint8Array({ maxLength: 60 }))
      .map(([front, rest]) => Uint8Array.from([...front, ...rest])),
  );
  const anyAddress = family.chain(addressOf);
  const packet = fc.record({
    source: anyAddress,
    destination: anyAddress,
    ttl: fc.oneof(fc.constant(255), fc.constant(undefined), byte),
    message,
  });
  const router = fc.record({
    version: fc.constantFrom<2 | 3>(2, 3),
    family,
    authentication: fc.constantFrom(...Object.values(VERIFICATIONS)),
    path: fc.constantFrom<LocalRouter['path']>(
      { transport: 'multicast' },
      { transport: 'unicast', peers: [] },
      { transport: 'udp', peers: [] },
    ),
  });

  it('accept or give a reason, for any packet and any virtual router', () => {
    fc.assert(
      fc.property(packet, router, (received, changes) => {
        const verdict = judge(received, (vrid) => (vrid === 51 ? localOf(changes) : undefined), DATE, NOW);
        if (!verdict.accepted) expect(reasons).toContain(verdict.reason);
      }),
      { numRuns: 3000 },
    );
  });

  it('accept what is meant for a virtual router, or name what is odd about its content', () => {
    const content: readonly string[] = ['no-addresses', 'interval', 'source'];
    fc.assert(
      fc.property(sample, (sent) => {
        const local = meantFor(sent);
        fc.pre(sent.source !== local.source);
        const verdict = judge({ ...sent, ttl: 255, message: written(sent) }, () => local, DATE, NOW);
        if (!verdict.accepted) expect(content).toContain(verdict.reason);
      }),
      { numRuns: 500 },
    );
  });

  it('accept nothing of which one byte was altered', () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, at, mask) => {
        const bytes = written(sent);
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ mask;
        const verdict = judge({ ...sent, ttl: 255, message: bytes }, () => meantFor(sent), DATE, NOW);
        if (!verdict.accepted) return;
        // The sum without the pseudo-header is a second value that an altered checksum may hit; nothing else may.
        expect(sent.family === 'ipv4' && sent.advertisement.version === 3).toBe(true);
        expect(index === 6 || index === 7 || sent.credential.type === 'none').toBe(true);
        const { length = 0 } = decode(bytes, sent.family);
        expect(verifiedForm(bytes.subarray(0, length), sent.source, sent.destination)).toBe('plain');
      }),
      { numRuns: 1500 },
    );
  });
});
