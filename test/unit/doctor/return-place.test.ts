import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/doctor/return-place.ts';
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
const place = (...held: readonly string[]) => placeOf(ip('10.2.0.2'), [VIP, GATEWAY], [VIP], sight(...held));

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
    const asked = placeOf(ip('fd00:2::2'), [ip('fe80::fe'), ip('fd00:1::fd')], [ip('fd00:1::fd')], held);
    expect(asked).toMatchObject({ source: 'fd00:1::4', links: ['eth1'], floating: [] });
  });
});
