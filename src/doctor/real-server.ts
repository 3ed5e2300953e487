/** The doctor's round on a real server. */
import { type RealServerRole, realServerNeeds } from '../prepare/real-server.ts';
import { denialFindings } from './denials.ts';
import { passageFindings, realServerPassages } from './filter/traffic.ts';
import { type Finding, good, problem, unknown } from './finding.ts';
import { lookAtFilters, lookAtLog, lookAtNetwork, type Sight } from './host.ts';
import { settingFindings } from './settings.ts';

export async function examineRealServer(role: RealServerRole): Promise<readonly Finding[]> {
  const sight = lookAtNetwork();
  const [filters, log] = await Promise.all([lookAtFilters(), lookAtLog()]);
  const needs = realServerNeeds([role], { links: [], filter: '0' });
  return [
    ...addressFindings(role, sight),
    ...settingFindings(needs.settings),
    ...(filters === undefined
      ? [unknown('packet filters', 'neither nft nor iptables-save can tell', 'apt install nftables')]
      : passageFindings(filters, realServerPassages(role))),
    ...denialFindings(log),
  ];
}

function addressFindings(role: RealServerRole, { links, addresses }: Sight): readonly Finding[] {
  const nameOf = (index: number) => links.find((link) => link.index === index);
  return role.vips.map((vip) => {
    const held = addresses.find(({ prefix }) => prefix.address === vip);
    const link = held && nameOf(held.index);
    if (link === undefined) {
      return problem(
        `this host does not have the VIP ${vip}`,
        'it drops what the director sends here',
        `vipward realserver start --vip ${role.vips.join(' ')} --forwarding ${role.forwarding}`,
      );
    }
    if (link.mac === undefined && link.up) return good(`the VIP ${vip} is on ${link.name}`);
    return link.up
      ? problem(
          `the VIP ${vip} is on ${link.name}, where this host answers for it`,
          'it takes the VIP away from the director',
          `ip addr del ${vip} dev ${link.name}; vipward realserver start --vip ${vip} --forwarding ${role.forwarding}`,
        )
      : problem(
          `${link.name}, which has the VIP ${vip}, is down`,
          'it drops what the director sends here',
          `ip link set ${link.name} up`,
        );
  });
}
