import { describe, expect, it } from 'vitest';
import {
  arpFindings,
  directorArpPassages,
  hiddenByArpRules,
  parseArptables,
} from '../../../src/doctor/filter/arp.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import { virtualRouter } from '../../support/virtual-router.ts';

const VIP = '10.1.1.254' as IpAddress;
const config = { virtualRouters: [virtualRouter({ addresses: [{ address: VIP, length: 24 }] })] };
/** As arptables-save prints it, the target before its tests. */
const saved = (...rules: readonly string[]) =>
  `*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n${rules.join('\n')}\n`;
const severities = (text: string) =>
  arpFindings(parseArptables(text), directorArpPassages(config)).map(({ severity }) => severity);

describe('the rules of arptables', () => {
  it.each([
    ['nothing', saved(), ['good']],
    ['of another address', saved('-A INPUT -j DROP -d 10.1.1.7'), ['good']],
    ['of the address', saved(`-A INPUT -j DROP -d ${VIP}`), ['problem']],
    ['of its network', saved('-A INPUT -j DROP -d 10.1.1.0/24'), ['problem']],
    ['of all but it', saved(`-A INPUT -j DROP ! -d ${VIP}`, `-A OUTPUT -s ! ${VIP} -j DROP`), ['good']],
    ['of replies alone', saved('-A INPUT -j DROP --opcode 2'), ['good']],
    ['of requests', saved('-A INPUT -j DROP --opcode Request'), ['problem']],
    ['of another link', saved('-A INPUT -j DROP -i eth7'), ['good']],
    ['after one that accepts', saved('-A INPUT -j ACCEPT -i eth0', '-A INPUT -j DROP'), ['good']],
    ['that nobody knows', saved('-A INPUT -j DROP --h-type 7'), ['warning']],
    ['that put another address in', saved(`-A OUTPUT -j mangle -s ${VIP} --mangle-ip-s 10.1.1.2`), ['good']],
    ['of a chain', saved(':mine -', '-A INPUT -j mine', '-A mine -j DROP'), ['problem']],
    ['of a policy', ':INPUT DROP\n:OUTPUT DROP\n', ['problem', 'problem']],
  ])('%s', (_, text, expected) => {
    expect(severities(text)).toEqual(expected);
  });

  it('hide the VIPs of a real server where each of them is dropped', () => {
    const role = (...vips: readonly string[]) => ({
      vips: vips as readonly IpAddress[],
      forwarding: 'dr' as const,
      outer: 'as the VIP' as const,
    });
    const rules = parseArptables(saved(`-A INPUT -j DROP -d ${VIP}`));
    expect(hiddenByArpRules(rules, [role(VIP, '2001:db8::1')])).toBe(
      `arptables filter INPUT: -j DROP -d ${VIP}`,
    );
    expect(hiddenByArpRules(rules, [role(VIP, '10.1.1.253')])).toBeUndefined();
    expect(hiddenByArpRules([], [role(VIP)])).toBeUndefined();
  });
});
