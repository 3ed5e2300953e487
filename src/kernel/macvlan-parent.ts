/** What macvlans of ours change of their parent's settings, and how it is remembered: in each one's alias. Pure. */
import type { Ipv4Settings } from '../netlink/route/macvlan.ts';

/** Begins the alias of every macvlan of ours; what the parent's settings were follows. */
export const MARK = 'vipward parent';
/** The alias of one that is being removed. */
export const GONE = 'vipward gone';
/** What the parent is set to: it neither answers ARP for addresses of the macvlan nor asks in their name. */
export const PARENT_SETTINGS = { arp_ignore: 1, arp_announce: 2 } as const;
type ParentSetting = keyof typeof PARENT_SETTINGS;
/** What a parent is or was set to. */
export type ParentSettings = Readonly<Record<ParentSetting, number>>;

/** The settings of the parent for which `to` gives another value; undefined when there are none. */
export function differing(
  now: ParentSettings,
  to: (name: ParentSetting, value: number) => number,
): Ipv4Settings | undefined {
  const names = Object.keys(PARENT_SETTINGS) as ParentSetting[];
  const changes = names.flatMap((name) =>
    to(name, now[name]) === now[name] ? [] : [[name, to(name, now[name])]],
  );
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** The alias that remembers what the parent's settings were. */
export const aliasOf = ({ arp_ignore, arp_announce }: ParentSettings): string =>
  `${MARK} arp_ignore=${arp_ignore} arp_announce=${arp_announce}`;

/** What an alias remembers; undefined: nothing. */
export function parentSettings(alias: string): ParentSettings | undefined {
  const [, ignore, announce] = /^vipward parent arp_ignore=(\d+) arp_announce=(\d+)$/.exec(alias) ?? [];
  return ignore === undefined ? undefined : { arp_ignore: Number(ignore), arp_announce: Number(announce) };
}
