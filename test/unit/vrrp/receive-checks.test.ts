/** Each receive check refuses what it is for, in its place in the order, and nothing else. */
import { describe, expect, it } from 'vitest';
import { centiseconds } from '../../../src/model/units.ts';
import { type Advertisement, encode } from '../../../src/vrrp/advertisement.ts';
import { advertisementChecksum } from '../../../src/vrrp/checksum.ts';
import { advertisementOf } from '../../../src/vrrp/machine.ts';
import {
  judge,
  type LocalRouter,
  noRejections,
  RECEIVE_CHECKS,
  type ReceivedPacket,
} from '../../../src/vrrp/receive-checks.ts';
import { ip, parametersOf, prefix, VIP } from './support.ts';

const group = ip('224.0.0.18');
const peer = ip('10.1.1.12');
const local: LocalRouter = { ...parametersOf(), isOwner: false };
const routerFor = (vrid: number) => (vrid === 51 ? local : undefined);
const ownerFor = () => ({ ...local, isOwner: true });

function packet(changes: Partial<Advertisement> = {}, source = peer): ReceivedPacket {
  const advertisement = { ...advertisementOf(parametersOf(), 150), ...changes };
  return { source, destination: group, ttl: 255, message: encode(advertisement, source, group) };
}

/** The packet with bytes changed, and its checksum right again. */
function altered(changes: Readonly<Record<number, number>>): ReceivedPacket {
  const { message, ...rest } = packet();
  for (const [at, value] of Object.entries(changes)) message[Number(at)] = value;
  const sum = advertisementChecksum(message, peer, group);
  message.set([sum >> 8, sum & 0xff], 6);
  return { ...rest, message };
}

const badChecksum = (): ReceivedPacket => {
  const { message, ...rest } = packet();
  message[7] = (message[7] ?? 0) ^ 1;
  return { ...rest, message };
};

describe('receive checks', () => {
  it('accept a good advert', () => {
    expect(judge(packet(), routerFor)).toEqual({
      accepted: true,
      vrid: 51,
      advertisement: advertisementOf(parametersOf(), 150),
      warnings: [],
    });
  });

  it.each([
    ['ttl', { ...packet(), ttl: 254 }, 51],
    ['version', altered({ 0: 0x21 }), undefined],
    ['type', altered({ 0: 0x32 }), undefined],
    ['length', altered({ 3: 2 }), undefined],
    ['checksum', badChecksum(), 51],
    ['vrid', packet({ vrid: 52 }), undefined],
    ['no-addresses', packet({ addresses: [] }), 51],
    ['interval', packet({ maxAdvertiseInterval: centiseconds(0) }), 51],
    ['source', packet({}, ip('0.0.0.0')), 51],
    ['source', packet({}, group), 51],
    ['own-source', packet({}, local.source), 51],
  ] as const)('refuse for %s', (reason, received, vrid) => {
    expect(judge(received, routerFor)).toEqual({ accepted: false, reason, vrid });
  });

  it('refuse everything at the owner of the addresses', () => {
    expect(judge(packet({ priority: 255 }), ownerFor)).toMatchObject({ reason: 'owner' });
    expect(judge(packet({}, local.source), ownerFor)).toMatchObject({ reason: 'own-source' });
  });

  it('name the first reason of several', () => {
    expect(judge({ ...badChecksum(), ttl: 1 }, routerFor)).toMatchObject({ reason: 'ttl' });
    const { message, ...rest } = badChecksum();
    expect(judge({ ...rest, message: message.subarray(0, 9) }, routerFor)).toMatchObject({
      reason: 'length',
    });
  });

  it('accept another interval, either form of checksum, and bytes behind the message', () => {
    expect(judge(packet({ maxAdvertiseInterval: centiseconds(7) }), routerFor).accepted).toBe(true);
    const { message, ...rest } = packet();
    const longer = Uint8Array.from([...message, 1, 2, 3]);
    expect(judge({ ...rest, message: longer }, routerFor).accepted).toBe(true);
    const sum = advertisementChecksum(message, peer, group, 'plain');
    message.set([sum >> 8, sum & 0xff], 6);
    expect(judge({ ...rest, message }, routerFor).accepted).toBe(true);
  });

  it('warn of another address list, but accept it', () => {
    const other = prefix('10.1.1.253').address;
    const verdict = (addresses: Advertisement['addresses']) => judge(packet({ addresses }), routerFor);
    expect(verdict([VIP.address, other])).toMatchObject({ accepted: true, warnings: ['address-list'] });
    expect(verdict([other])).toMatchObject({ accepted: true, warnings: ['address-list'] });
    const both = { ...local, addresses: [VIP, prefix('10.1.1.253')] };
    expect(judge(packet({ addresses: [other, VIP.address] }), () => both)).toMatchObject({ warnings: [] });
  });

  it('have a counter each', () => {
    expect(Object.keys(noRejections())).toEqual(RECEIVE_CHECKS.map(({ reason }) => reason));
    expect(new Set(Object.values(noRejections()))).toEqual(new Set([0]));
  });
});
