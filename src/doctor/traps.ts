/** Settings of the kernel that nothing of ours needs, but that break the service all the same. Pure. */
import type { ReadSetting, SettingPath } from '../prepare/setting.ts';
import { type Finding, problem, warning } from './finding.ts';

/** Of net.ipv4.vs, where the file does not ask for it. `asked`: `ipvs.sysctl` of the file. */
export function ipvsTrapFindings(
  asked: Readonly<Record<string, string>>,
  read: ReadSetting,
): readonly Finding[] {
  return TRAPS.flatMap(({ name, value, breaks, mend }) => {
    if (asked[name] !== undefined || read(['net', 'ipv4', 'vs', name]) !== value) return [];
    return [warning(`net.ipv4.vs.${name} is ${value}`, breaks, `sysctl -w net.ipv4.vs.${name}=${mend}`)];
  });
}

interface Trap {
  readonly name: string;
  readonly value: string;
  readonly breaks: string;
  readonly mend: string;
}

/** Value 3 of a defence: at all times, not only when memory is short (ipvs-sysctl.rst). */
const TRAPS: readonly Trap[] = [
  {
    name: 'drop_entry',
    value: '3',
    breaks: 'half-open connections are dropped at random, always',
    mend: '1',
  },
  { name: 'drop_packet', value: '3', breaks: 'packets of clients are dropped at random, always', mend: '1' },
  {
    name: 'run_estimation',
    value: '0',
    breaks: 'rates are not counted: `vipward status` shows none',
    mend: '1',
  },
];

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
