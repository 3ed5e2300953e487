import { expect, it } from 'vitest';
import { returnPathFinding } from '../../../src/doctor/return-path.ts';
import { parseAddress } from '../../../src/model/address.ts';

function ip(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

it.each([
  ['10.1.7.4', 20, '10.1.7.2', '10.1.0.254', '10.1.0.0/20'],
  ['2001:db8::4:4', 64, '2001:db8::2', '2001:db8::fe', '2001:db8::/64'],
])(
  'a real server beside the clients is told their network, not our address %s/%i in it',
  (own, length, real, vip, network) => {
    const server = {
      ...{ service: 'web', address: ip(real), port: 80, source: undefined, links: [], floating: [] },
      network: { address: ip(own), length },
    };
    const { mend } = returnPathFinding(server, [ip(vip)], { kind: 'silent' });
    expect(mend).toContain(`no route of its own to ${network} but by this director`);
  },
);
