/** Whether a host keeps quiet about a VIP on each link that somebody may ask by. Pure. */
import { QUIET } from './real-server.ts';
import { isSatisfied, type KernelSetting, type ReadSetting } from './setting.ts';

export interface JudgedSetting {
  readonly setting: KernelSetting;
  /** What the kernel holds, in words. */
  readonly held: string;
  readonly good: boolean;
}

/**
 * `settings` of a real server as the kernel goes by them: of arp_ignore and arp_announce by the greater of `all` and the
 * link's own (IN_DEV_MAXCONF of linux/inetdevice.h), so that either may spoil or mend the other. `links`: those by which
 * this host may be asked.
 */
export const judge = (
  settings: readonly KernelSetting[],
  links: readonly string[],
  read: ReadSetting,
): readonly JudgedSetting[] =>
  settings.flatMap((setting) =>
    QUIET.includes(setting) && links.length > 0
      ? byLink(setting, links, read)
      : [{ setting, held: heldOf(setting, read), good: isSatisfied(setting, read) }],
  );

const heldOf = ({ path }: KernelSetting, read: ReadSetting): string => read(path) ?? 'not there';

function byLink(
  setting: KernelSetting,
  links: readonly string[],
  read: ReadSetting,
): readonly JudgedSetting[] {
  // A link that has gone meanwhile has no setting.
  const present = links.map((link) => ({ link, own: ofLink(setting, link) })).filter(hasValue(read));
  const wrong = present.filter(({ own }) => !isSatisfied(own, read));
  const all = Number(read(setting.path));
  const isByOwn = exceeds(all, read);
  const byOwn = wrong.filter(isByOwn);
  const byAll = wrong.filter((each) => !isByOwn(each));
  const part = byAll.length < present.length ? byAll.map(({ link }) => link) : [];
  return [
    {
      setting,
      held: `${heldOf(setting, read)}${wordsOn(part, present.length > 0 && byAll.length === 0 && !isSatisfied(setting, read))}`,
      good: byAll.length === 0 && read(setting.path) !== undefined,
    },
    ...byOwn.map(({ own }) => ({ setting: own, held: heldOf(own, read), good: false })),
  ];
}

interface OwnSetting {
  readonly link: string;
  readonly own: KernelSetting;
}

const hasValue =
  (read: ReadSetting) =>
  ({ own: { path } }: OwnSetting): boolean =>
    read(path) !== undefined;

const exceeds =
  (all: number, read: ReadSetting) =>
  ({ own: { path } }: OwnSetting): boolean =>
    Number(read(path)) > all;

const wordsOn = (wrong: readonly string[], others: boolean): string => {
  if (wrong.length > 0) return `, and no more on ${wrong.join(', ')}`;
  return others ? ', but each link has its own' : '';
};

function ofLink(setting: KernelSetting, link: string): KernelSetting {
  const [first, ...rest] = setting.path;
  return {
    ...setting,
    path: [first, ...rest.map((part) => (part === 'all' ? link : part))],
    greaterOf: setting.path,
  };
}
