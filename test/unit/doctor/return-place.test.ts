import { describe, expect, it } from 'vitest';
import { Places } from '../../../src/doctor/return-place.ts';
import type { IpAddress } from '../../../src/model/address.ts';

const ip = (text: string) => text as IpAddress;
/** `eth0 10.1.1.1/24`: links are numbered as they come. */
function sight(...held: readonly string[]) {
  const names = [...new Set(held.map((each) => each.split(' ')[0] ?? ''))];
  return {
    links: names.map((name, index) => ({ index, name, loopback: name === 'lo' })),
    addresses: held.map((each) => {
      const [name = '', prefix = ''] = each.split(' ');
      const [address = '', length] = prefix.split('/');
      return { index: names.indexOf(name), prefix: { address: ip(address), length: Number(length) } };
    }),
  };
}
const VIP = ip('10.1.1.254');
const GATEWAY = ip('10.2.0.254');
const place = (...held: readonly string[]) =>
  new Places([VIP, GATEWAY], sight(...held)).of(ip('10.2.0.2'), [VIP]);

describe('a real server behind nat is asked', () => {
  it('from the virtual address where it is here, else from beside it', () => {
    const fixed = ['lo 127.0.0.1/8', 'eth0 10.1.1.1/24', 'eth1 10.2.0.1/24'];
    expect(place(...fixed, `eth0 ${VIP}/32`)).toMatchObject({
      source: VIP,
      network: { address: '10.2.0.1' },
    });
    expect(place(...fixed)).toMatchObject({ source: '10.1.1.1', links: ['eth1'] });
    expect(place('eth1 10.2.0.1/24', 'eth5 172.16.0.1/16').source).toBeUndefined();
    expect(place('eth0 10.1.1.1/24')).toEqual({
      source: undefined,
      network: undefined,
      links: [],
      floating: [],
    });
  });

  it('and may answer by every link that is not on the side of the clients, its own network first', () => {
    expect(
      place(
        'eth0 10.1.1.1/24',
        'eth3 10.3.0.1/24',
        'eth1 10.2.0.1/24',
        `vmac ${GATEWAY}/32`,
        `front ${VIP}/32`,
      ).links,
    ).toEqual(['eth1', 'vmac', 'eth3']);
  });

  it('by a gateway that floats, here or elsewhere', () => {
    expect(place('eth0 10.1.1.1/24', 'eth1 10.2.0.1/24').floating).toEqual([
      { address: GATEWAY, here: false },
    ]);
    expect(place('eth0 10.1.1.1/24', 'eth1 10.2.0.1/24', `eth1 ${GATEWAY}/24`).floating).toEqual([
      { address: GATEWAY, here: true },
    ]);
  });

  it('over IPv6 from no address that is of the link alone', () => {
    const held = sight('eth0 fe80::fe/64', 'eth0 fd00:1::4/64', 'eth1 fe80::fe/64', 'eth1 fd00:2::1/64');
    const asked = new Places([ip('fe80::fe'), ip('fd00:1::fd')], held).of(ip('fd00:2::2'), [
      ip('fd00:1::fd'),
    ]);
    expect(asked).toMatchObject({ source: 'fd00:1::4', links: ['eth1'], floating: [] });
  });

  it('from one address of each network, whichever virtual address its service has', () => {
    const vips = ['10.1.1.200', '10.1.1.201', '10.3.0.200'].map(ip);
    const held = sight(
      'eth0 10.1.1.1/24',
      'eth0 10.1.1.200/32',
      'eth0 10.1.1.201/24',
      'eth5 10.3.0.200/24',
      'eth1 10.2.0.1/24',
    );
    const places = new Places(vips, held);
    const sources = vips.map((vip) => places.of(ip('10.2.0.2'), [vip]).source);
    expect(sources).toEqual(['10.1.1.200', '10.1.1.200', '10.3.0.200']);
  });

  it('as one of ten thousand, behind two thousand virtual addresses that are here', {
    timeout: 20_000,
  }, () => {
    const vips = Array.from({ length: 2000 }, (_, i) => ip(`10.3.${i >> 8}.${i & 255}`));
    const held = sight('eth1 10.2.0.1/16', ...vips.map((vip) => `eth0 ${vip}/16`));
    const places = new Places(vips, held);
    const found = Array.from({ length: 10_000 }, (_, i) =>
      places.of(ip(`10.2.${16 + (i >> 8)}.${i & 255}`), [vips[i % 2000] ?? VIP]),
    );
    expect(new Set(found.map(({ source }) => source))).toEqual(new Set([vips[0]]));
    expect(found.at(-1)).toMatchObject({ links: ['eth1'], network: { address: '10.2.0.1' } });
  });
});
