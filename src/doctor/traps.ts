/** Settings of the kernel that nothing of ours needs, but that break the service all the same. Pure. */
import { type IpAddress, isWithin, type Prefix } from '../model/address.ts';
import { type ReadSetting, type SettingPath, settingCommand, settingName } from '../prepare/setting.ts';
import { type Finding, problem, warning } from './finding.ts';

const COUNT: SettingPath = ['net', 'netfilter', 'nf_conntrack_count'];
const MOST: SettingPath = ['net', 'netfilter', 'nf_conntrack_max'];
/** Percent; whoever has so many has twice as many at a bad moment. */
const FULL = 75;

/** Connection tracking that is about to be full, on either end: it then drops what is new, whoever needs it. */
export function trackingFindings(read: ReadSetting): readonly Finding[] {
  const [count, most] = [Number(read(COUNT) ?? 0), Number(read(MOST) ?? 0)];
  if (!(most > 0) || count * 100 < most * FULL) return [];
  return [
    (count >= most ? problem : warning)(
      `connection tracking holds ${count} of ${most} connections`,
      'when it is full, packets of new clients are dropped (`nf_conntrack: table full` in the log)',
      `sysctl -w net.netfilter.nf_conntrack_max=${most * 4}; or no tracking for the service: nft … notrack at prerouting`,
    ),
  ];
}

/**
 * On a director: links that replies to masqueraded connections come in by, and that do not forward though the host does.
 * IPv4 goes by the link alone (IN_DEV_FORWARD in ip_route_input_slow of net/ipv4/route.c). `servers`: those behind nat
 * and fullnat.
 */
export function unforwardedFindings(
  links: readonly { readonly name: string; readonly prefix: Prefix }[],
  servers: readonly IpAddress[],
  read: ReadSetting,
): readonly Finding[] {
  // Told by itself, and what mends it mends all links.
  if (read(['net', 'ipv4', 'ip_forward']) !== '1') return [];
  const names = links
    .filter(({ prefix }) => servers.some((address) => isWithin(address, prefix)))
    .map(({ name }) => name);
  return [...new Set(names)]
    .map((name): SettingPath => ['net', 'ipv4', 'conf', name, 'forwarding'])
    .filter((path) => read(path) === '0')
    .map((path) =>
      problem(
        `${settingName(path)} is 0`,
        'the replies of real servers behind nat and fullnat, which come in there, are not forwarded: clients hang',
        settingCommand({ path, value: '1' }),
      ),
    );
}

/** On a real server with several links: a client may come in by another link than its network is routed by. */
export function strictFilterFindings(links: readonly string[], read: ReadSetting): readonly Finding[] {
  if (links.length < 2) return [];
  const filter = (link: string) => Number(read(['net', 'ipv4', 'conf', link, 'rp_filter']) ?? 0);
  return links
    .filter((link) => Math.max(filter(link), filter('all')) === 1)
    .map((link) =>
      warning(
        `packets that come in by ${link} are filtered by their reverse path`,
        `clients that the director sends here by ${link}, and that are routed by another link, are dropped without a word`,
        `sysctl -w net.ipv4.conf.${link.replaceAll('.', '/')}.rp_filter=2`,
      ),
    );
}
