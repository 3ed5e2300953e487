/** What is done to packets below the packet filters: by programs on links (XDP), and by the cards. The rules are pure. */
import { z } from 'zod';
import { isSystemError } from '../sys/errors.ts';
import { readOffloads } from '../sys/offloads.ts';
import { type Finding, unknown, warning } from './finding.ts';
import type { Sight } from './host.ts';
import { run } from './programs.ts';

/** An XDP program on a link. `mode`: 1 by the driver, 2 generic, 3 on the card (XDP_ATTACHED_* of linux/if_link.h). */
const Xdp = z.object({
  mode: z.number().optional(),
  prog: z.object({ id: z.number(), name: z.string().optional() }).optional(),
});
const Links = z.array(z.object({ ifname: z.string(), xdp: z.unknown().optional() }));

/** Links by which packets come and go. */
export async function lookAtLinks({ links }: Sight): Promise<readonly Finding[]> {
  const names = links.filter(({ up, loopback }) => up && !loopback).map(({ name }) => name);
  const answer = await run('ip', '-json', '-details', 'link', 'show');
  return [
    ...(answer.kind === 'said'
      ? xdpFindings(answer.text, names)
      : [unknown('programs on links (XDP)', 'ip(8) does not tell', 'apt install iproute2; ip link show')]),
    ...names.filter(hasLro).map(lroFinding),
  ];
}

/** `listing`: as `ip -json link` prints it. Throws for what is no such listing. */
export function xdpFindings(listing: string, names: readonly string[]): readonly Finding[] {
  return Links.parse(JSON.parse(listing)).flatMap(({ ifname, xdp }) => {
    const program = Xdp.safeParse(xdp);
    if (!program.success || !names.includes(ifname)) return [];
    const { mode, prog } = program.data;
    const which = prog === undefined ? '' : ` (program ${prog.id}${prog.name ? `, ${prog.name}` : ''})`;
    return [
      warning(
        `XDP sees every packet of ${ifname} before this host does${which}`,
        'what it drops, redirects or answers reaches neither IPVS nor VRRP, and no packet filter shows it',
        `bpftool prog show${prog === undefined ? '' : ` id ${prog.id}`}; if nobody needs it: ip link set dev ${ifname} ${(mode !== undefined && SWITCHES[mode]) || 'xdp'} off`,
      ),
    ];
  });
}

const SWITCHES: Readonly<Record<number, string>> = { 1: 'xdpdrv', 2: 'xdpgeneric', 3: 'xdpoffload' };

/** The kernel turns it off by itself on links by which it forwards, but not for IPVS alone. */
function hasLro(link: string): boolean {
  try {
    return readOffloads(link).has('lro');
  } catch (error) {
    // Not every link is a card; some are gone by now.
    if (isSystemError(error)) return false;
    throw error;
  }
}

const lroFinding = (link: string): Finding =>
  warning(
    `${link} joins packets of clients to larger ones (large receive offload)`,
    'what is forwarded is then larger than the way to the real server takes, and is dropped: uploads hang or crawl',
    `ethtool -K ${link} lro off; and where the link is configured, so that it lasts`,
  );
