/** Whether the kernel can know as many neighbours as there are real servers on links. */
import { type Family, familyName, familyOf, type IpAddress } from '../model/address.ts';
import type { Config } from '../model/config.ts';
import type { ReadSetting } from '../prepare/setting.ts';
import { lasting } from './by-hand.ts';
import { type Finding, problem, unknown } from './finding.ts';
import { type Route, routesTo } from './routes.ts';

/** As kernels start with (net/ipv4/arp.c, net/ipv6/ndisc.c). */
const USUAL = 1024;

/** Rejects where ip(8) cannot tell. */
export async function lookAtNeighbourTable(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  read: ReadSetting,
): Promise<readonly Finding[]> {
  const servers = virtualServers.flatMap(({ realServers }) => realServers.map(({ address }) => address));
  // Most directors have fewer than every kernel can know.
  return new Set(servers).size <= USUAL / 2 ? [] : neighbourFindings(await routesTo(servers), read);
}

/** Pure. Those behind a router count as one. */
export function neighbourFindings(
  routes: ReadonlyMap<IpAddress, Route>,
  read: ReadSetting,
): readonly Finding[] {
  const hops = [...routes]
    .filter(([, { link }]) => link !== 'lo')
    .map(([address, { router }]) => router ?? address);
  return [...Map.groupBy(new Set(hops), familyOf)].flatMap(([family, ofFamily]) =>
    findingsOf(family, ofFamily.length, read),
  );
}

function findingsOf(family: Family, count: number, read: ReadSetting): readonly Finding[] {
  const path = ['net', family, 'neigh', 'default'] as const;
  const name = path.join('.');
  const most = read([...path, 'gc_thresh3']);
  const what = `${count} real servers are neighbours of this director (${familyName(family)})`;
  // Room for clients and routers besides, and for those that are asked for in vain.
  const room = 2 ** Math.ceil(Math.log2(2 * count));
  const mend = lasting(
    `sysctl -w ${name}.gc_thresh3=${room} ${name}.gc_thresh2=${room / 2} ${name}.gc_thresh1=${room / 4}`,
  );
  if (most === undefined) {
    if (count <= USUAL / 2) return [];
    const why = `${name}.gc_thresh3 is the whole machine's, and not seen in this network namespace`;
    return [
      unknown(
        `${what}: whether the kernel can know so many`,
        why,
        `on the machine itself, unless it has more: ${mend}`,
      ),
    ];
  }
  if (count < Number(most)) return [];
  return [
    problem(
      `${what}, and the kernel knows ${most} at the most (${name}.gc_thresh3)`,
      'now these, now those of them are not reached: health checks fail and clients hang (`neighbor table overflow` in the log)',
      mend,
    ),
  ];
}
