/** Settings of the kernel that nothing of ours needs, but that break the service all the same. Pure. */
import type { ReadSetting, SettingPath } from '../prepare/setting.ts';
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
