/** Each receive check refuses what it is for, in its place in the order, and nothing else. */
import { describe, expect, it } from 'vitest';
import { familyOf } from '../../../src/model/address.ts';
import { centiseconds, instant, milliseconds } from '../../../src/model/units.ts';
import { type Advertisement, type EncodeOptions, encode } from '../../../src/vrrp/advertisement.ts';
import { type SecretKey, secretKey } from '../../../src/vrrp/authentication/hmac.ts';
import { type ReplayState, sequenceOf } from '../../../src/vrrp/authentication/sequence.ts';
import { passwordBytes } from '../../../src/vrrp/authentication/text.ts';
import { advertisementChecksum } from '../../../src/vrrp/checksum.ts';
import {
  judge,
  type LocalRouter,
  noRejections,
  RECEIVE_CHECKS,
  type ReceivedPacket,
  type Verification,
} from '../../../src/vrrp/receive-checks.ts';
import {
  advertOf,
  bytes,
  DATE,
  GROUP,
  GROUP6,
  ip,
  KEY,
  localOf,
  NEXT_KEY,
  NOW,
  PEER,
  PEER6,
  VECTORS,
  type Vector,
} from './wire.ts';

const VIP = ip('10.1.1.254');
const OTHER = ip('10.1.1.253');

/** Judges as a director that has this virtual router only. */
const judged = (received: ReceivedPacket, changes: Partial<LocalRouter> = {}, now = NOW) => {
  const router = localOf(changes);
  return judge(received, (vrid) => (vrid === router.vrid ? router : undefined), DATE, now);
};

function packet(
  changes: Partial<Advertisement> = {},
  source = PEER,
  options: EncodeOptions = {},
): ReceivedPacket {
  const message = encode(advertOf(changes), source, GROUP, options);
  return { source, destination: GROUP, ttl: 255, message };
}

/** The packet with bytes changed, and its checksum right again. */
function altered(changes: Readonly<Record<number, number>>, base = packet()): ReceivedPacket {
  const message = Uint8Array.from(base.message);
  for (const [at, value] of Object.entries(changes)) message[Number(at)] = value;
  const form = (message[0] ?? 0) >> 4 === 2 ? 'plain' : 'pseudo-header';
  const sum = advertisementChecksum(message, base.source, base.destination, form);
  message.set([sum >> 8, sum & 0xff], 6);
  return { ...base, message };
}

/** What a receiver of this captured packet has configured. */
function verificationOf({ key, password }: Vector): Verification {
  if (password !== undefined) return { type: 'text', password: passwordBytes(password) };
  if (key === undefined) return { type: 'none' };
  return { type: 'hmac', keys: new Map([[key.id, secretKey(key).secret]]), marks: new Map() };
}

const badChecksum = (): ReceivedPacket => {
  const { message, ...rest } = packet();
  return { ...rest, message: message.with(7, (message[7] ?? 0) ^ 1) };
};

describe('receive checks', () => {
  it('accept a good advert', () => {
    expect(judged(packet())).toEqual({
      accepted: true,
      kind: 'advert',
      vrid: 51,
      advertisement: advertOf(),
      warnings: [],
      mark: undefined,
    });
  });

  it.each(VECTORS)('accept $name', (vector) => {
    const { source, destination, ttl, advertisement, message } = vector;
    const { vrid, version, addresses, maxAdvertiseInterval } = advertisement;
    const family = familyOf(source);
    const path =
      destination === GROUP || destination === GROUP6
        ? ({ transport: 'multicast' } as const)
        : ({ transport: 'unicast', peers: [{ address: source, leastTtl: 255 }] } as const);
    const local = { vrid, version, family, addresses, advertInterval: maxAdvertiseInterval, path };
    const authentication = verificationOf(vector);
    const router = localOf({ ...local, source: destination, authentication });
    const received = { source, destination, ttl, message: bytes(message) };
    expect(judge(received, () => router, milliseconds(vector.date ?? DATE), NOW)).toEqual({
      accepted: true,
      kind: 'advert',
      vrid,
      advertisement,
      warnings: [],
      mark: vector.sequence && expect.objectContaining({ sequence: vector.sequence }),
    });
  });

  it.each([
    ['ttl', { ...packet(), ttl: 254 }, 51],
    ['ttl', { ...packet(), ttl: undefined }, 51],
    ['version', altered({ 0: 0x11 }), 51],
    ['version', packet({ version: 2 }), 51],
    ['version', altered({ 0: 0x21 }), 51],
    ['type', altered({ 0: 0x34 }), 51],
    ['length', altered({ 3: 2 }), 51],
    ['length', { ...packet(), message: new Uint8Array(0) }, undefined],
    ['checksum', badChecksum(), 51],
    ['vrid', packet({ vrid: 52 }), undefined],
    ['no-addresses', packet({ addresses: [] }), 51],
    ['interval', packet({ maxAdvertiseInterval: centiseconds(0) }), 51],
    ['source', packet({}, ip('0.0.0.0')), 51],
    ['source', packet({}, GROUP), 51],
    ['own-source', packet({}, ip('10.1.1.11')), 51],
  ] as const)('refuse for %s', (reason, received, vrid) => {
    expect(judged(received)).toEqual({ accepted: false, reason, vrid });
  });

  it('refuse the other family where the virtual router runs in one', () => {
    const message = encode(advertOf({ addresses: [ip('fe80::254')] }), PEER6, GROUP6);
    const received = { source: PEER6, destination: GROUP6, ttl: 255, message };
    expect(judged(received)).toMatchObject({ reason: 'family' });
    const six = { family: 'ipv6', addresses: [ip('fe80::254')], source: ip('fe80::11') } as const;
    expect(judged(received, six)).toMatchObject({ accepted: true, warnings: [] });
  });

  it('refuse every advert at the owner of the addresses, but hear whether others are there', () => {
    const owner = { isOwner: true };
    expect(judged(packet({ priority: 255 }), owner)).toMatchObject({ reason: 'owner' });
    expect(judged(packet({}, ip('10.1.1.11')), owner)).toMatchObject({ reason: 'own-source' });
    expect(judged(packet({}, PEER, { kind: 'presence' }), owner)).toMatchObject({ kind: 'presence' });
  });

  it('name the first reason of several', () => {
    expect(judged({ ...badChecksum(), ttl: 1 })).toMatchObject({ reason: 'ttl' });
    const { message, ...rest } = badChecksum();
    expect(judged({ ...rest, message: message.subarray(0, 9) })).toMatchObject({ reason: 'length' });
    expect(judged(packet({ addresses: [] }, ip('0.0.0.0')))).toMatchObject({ reason: 'no-addresses' });
  });

  it('accept another interval, either form of checksum, and bytes behind the message', () => {
    expect(judged(packet({ maxAdvertiseInterval: centiseconds(7) })).accepted).toBe(true);
    const { message, ...rest } = packet();
    expect(judged({ ...rest, message: Uint8Array.from([...message, 1, 2, 3]) }).accepted).toBe(true);
    expect(judged(packet({}, PEER, { checksum: 'plain' })).accepted).toBe(true);
  });

  it.each(['presence', 'request'] as const)('accept a %s without addresses', (kind) => {
    const received = packet({ addresses: [], priority: 90 }, PEER, { kind });
    expect(judged(received)).toMatchObject({ kind, advertisement: { priority: 90 }, warnings: [] });
  });

  it('warn of another address list, but accept it', () => {
    const verdict = (...addresses: Advertisement['addresses']) => judged(packet({ addresses }));
    expect(verdict(VIP, OTHER)).toMatchObject({ accepted: true, warnings: ['address-list'] });
    expect(verdict(OTHER)).toMatchObject({ accepted: true, warnings: ['address-list'] });
    const both = { addresses: [VIP, OTHER] };
    expect(judged(packet({ addresses: [OTHER, VIP] }), both)).toMatchObject({ warnings: [] });
    expect(judged(packet({ addresses: [VIP, VIP] }), both)).toMatchObject({ warnings: ['address-list'] });
  });

  it('warn over IPv6 of a first address that is not link-local, where ours is', () => {
    const [link, wide] = [ip('fe80::254'), ip('2001:db8::254')];
    const verdict = (addresses: Advertisement['addresses'], ours: Advertisement['addresses']) => {
      const message = encode(advertOf({ addresses }), PEER6, GROUP6);
      const received = { source: PEER6, destination: GROUP6, ttl: 255, message };
      return judged(received, { family: 'ipv6', addresses: ours, source: ip('fe80::11') });
    };
    expect(verdict([wide, link], [link, wide])).toMatchObject({
      accepted: true,
      warnings: ['first-address'],
    });
    expect(verdict([link, wide], [wide, link])).toMatchObject({ warnings: [] });
    expect(verdict([wide], [wide])).toMatchObject({ warnings: [] });
  });

  it('have a counter each', () => {
    expect(Object.keys(noRejections())).toEqual(RECEIVE_CHECKS.map(({ reason }) => reason));
    expect(new Set(Object.values(noRejections()))).toEqual(new Set([0]));
  });
});

describe('receive checks by unicast', () => {
  const own = ip('10.1.1.11');
  const from = (source = PEER, ttl: number | undefined = 64): ReceivedPacket => {
    const message = encode(advertOf(), source, own);
    return { source, destination: own, ttl, message };
  };
  const toward = (leastTtl: number | undefined): Partial<LocalRouter> => ({
    path: {
      transport: 'unicast',
      peers: [
        { address: ip('10.9.9.9'), leastTtl: 255 },
        { address: PEER, leastTtl },
      ],
    },
  });

  it('accept peers only', () => {
    expect(judged(from(), toward(undefined)).accepted).toBe(true);
    expect(judged(from(ip('10.1.1.13')), toward(undefined))).toMatchObject({ reason: 'peer' });
  });

  it('hold each peer to its own least TTL', () => {
    expect(judged(from(PEER, 250), toward(250)).accepted).toBe(true);
    expect(judged(from(PEER, 249), toward(250))).toMatchObject({ reason: 'ttl' });
    expect(judged({ ...from(), ttl: undefined }, toward(1))).toMatchObject({ reason: 'ttl' });
    expect(judged({ ...from(), ttl: undefined }, toward(undefined)).accepted).toBe(true);
  });

  it('accept nothing over UDP without a key', () => {
    const path = { transport: 'udp', peers: [{ address: PEER, leastTtl: undefined }] } as const;
    expect(judged(from(), { path })).toMatchObject({ reason: 'authentication-type' });
    const credential = { type: 'hmac', key: KEY, sequence: sequenceOf(DATE) } as const;
    const message = encode(advertOf(), PEER, own, { credential });
    const authentication = { type: 'hmac', keys: new Map([[1, KEY.secret]]), marks: new Map() } as const;
    const received = { ...from(PEER, undefined), message };
    expect(judged({ ...received, ttl: undefined }, { path, authentication }).accepted).toBe(true);
  });
});

describe('receive checks of version 2', () => {
  const old = { version: 2 } as const;
  const text = (password: string) => ({ type: 'text', password: passwordBytes(password) }) as const;
  const sent = (password: string) => packet(old, PEER, { credential: text(password) });

  it('discard another interval than ours, with a reason of its own', () => {
    expect(judged(packet(old), old).accepted).toBe(true);
    const slower = packet({ ...old, maxAdvertiseInterval: centiseconds(200) });
    expect(judged(slower, old)).toMatchObject({ reason: 'interval-mismatch' });
    const none = packet({ ...old, maxAdvertiseInterval: centiseconds(0) });
    expect(judged(none, old)).toMatchObject({ reason: 'interval' });
  });

  it('ask for the password', () => {
    const local = { ...old, authentication: text('s3cret') };
    expect(judged(sent('s3cret'), local)).toMatchObject({ accepted: true, advertisement: advertOf(old) });
    expect(judged(sent('secret'), local)).toMatchObject({ reason: 'authentication' });
    expect(judged(packet(old), local)).toMatchObject({ reason: 'authentication-type' });
    expect(judged(sent('s3cret'), old)).toMatchObject({ reason: 'authentication-type' });
    expect(judged(altered({ 4: 2 }, sent('s3cret')), local)).toMatchObject({ reason: 'authentication-type' });
    expect(judged(packet(), { authentication: text('s3cret') })).toMatchObject({
      reason: 'authentication-type',
    });
  });
});

describe('receive checks with keys', () => {
  const keysOf = (...keys: readonly SecretKey[]) => new Map(keys.map(({ id, secret }) => [id, secret]));
  const guarded = (marks = new Map<typeof PEER, ReplayState>(), keys = keysOf(KEY, NEXT_KEY)) => ({
    authentication: { type: 'hmac', keys, marks } as const,
  });
  const signed = (key = KEY, offset = 0, version: 2 | 3 = 3) => {
    const sequence = sequenceOf(milliseconds(DATE + offset));
    return packet({ version }, PEER, { credential: { type: 'hmac', key, sequence } });
  };

  it.each([3, 2] as const)('accept any of the keys, version %i', (version) => {
    for (const key of [KEY, NEXT_KEY]) {
      const verdict = judged(signed(key, 0, version), { ...guarded(), version });
      expect(verdict).toMatchObject({ accepted: true, mark: { sequence: sequenceOf(DATE) } });
    }
  });

  it('refuse an unknown key, a wrong one, and what was altered', () => {
    expect(judged(signed(NEXT_KEY), guarded(undefined, keysOf(KEY)))).toMatchObject({
      reason: 'authentication',
    });
    const wrong = keysOf({ ...NEXT_KEY, id: KEY.id });
    expect(judged(signed(), guarded(undefined, wrong))).toMatchObject({ reason: 'authentication' });
    const forged = signed();
    const message = forged.message.with(2, 254);
    const sum = advertisementChecksum(message.subarray(0, 12), PEER, GROUP);
    message.set([sum >> 8, sum & 0xff], 6);
    expect(judged({ ...forged, message }, guarded())).toMatchObject({ reason: 'authentication' });
  });

  it('refuse what has no trailer, half a one, or another', () => {
    expect(judged(packet(), guarded())).toMatchObject({ reason: 'authentication-type' });
    const { message, ...rest } = signed();
    expect(judged({ ...rest, message: message.subarray(0, -1) }, guarded())).toMatchObject({
      reason: 'authentication-type',
    });
    expect(judged({ ...rest, message: message.with(12, 2) }, guarded())).toMatchObject({
      reason: 'authentication-type',
    });
  });

  it('hear signed messages where no key is configured yet, so that keys can be introduced', () => {
    expect(judged(signed()).accepted).toBe(true);
  });

  it('refuse what was heard before, and a stranger whose date is not ours', () => {
    const marks = new Map<typeof PEER, ReplayState>();
    const hear = (received: ReceivedPacket) => {
      const verdict = judged(received, guarded(marks));
      if (verdict.accepted) marks.set(received.source, verdict.mark);
      return verdict.accepted || verdict.reason;
    };
    expect(hear(signed(KEY, -10_000))).toBe('stale');
    expect(hear(signed(KEY, 0))).toBe(true);
    expect(hear(signed(KEY, 0))).toBe('replay');
    expect(hear(signed(KEY, 100))).toBe(true);
    expect(hear(signed(KEY, 50))).toBe('replay');
    // A forgery with a great sequence leaves no mark.
    const { message, ...rest } = signed(KEY, 4000);
    expect(hear({ ...rest, message: message.with(39, (message[39] ?? 0) ^ 1) })).toBe('authentication');
    expect(hear(signed(KEY, 200))).toBe(true);
  });

  it('remember that what was kept back was refused as late', () => {
    const marks = new Map<typeof PEER, ReplayState>();
    const far = milliseconds(DATE + 60_000);
    const [verdict] = [0, 60_000]
      .map((passed) => {
        const now = instant(NOW + passed);
        const heard = judge(
          signed(KEY, passed === 0 ? 0 : 1000),
          () => localOf(guarded(marks)),
          passed === 0 ? DATE : far,
          now,
        );
        marks.set(PEER, heard.mark);
        return heard;
      })
      .slice(1);
    expect(verdict).toMatchObject({ reason: 'late', mark: { doubtedAt: NOW + 60_000 } });
  });

  it('accept the presence of a backup, signed as adverts are', () => {
    const credential = { type: 'hmac', key: KEY, sequence: sequenceOf(DATE) } as const;
    const received = packet({ addresses: [] }, PEER, { kind: 'presence', credential });
    expect(judged(received, guarded())).toMatchObject({
      kind: 'presence',
      mark: { sequence: sequenceOf(DATE) },
    });
    expect(judged(packet({ addresses: [] }, PEER, { kind: 'presence' }), guarded())).toMatchObject({
      reason: 'authentication-type',
    });
  });
});
