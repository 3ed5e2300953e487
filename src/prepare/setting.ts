/** Kernel settings (sysctl) as values: which, to what, and why; nothing here reads or writes one. */

/** A name of the form net.ipv4.conf.eth0.rp_filter as its parts, since the name of an interface may hold dots. */
export type SettingPath = readonly [string, ...string[]];

export interface KernelSetting {
  readonly path: SettingPath;
  /** As the kernel prints it; several numbers with one blank between them. */
  readonly value: string;
  /** Values that serve as well as `value` and are left as they are. */
  readonly orElse: readonly string[];
  /** The kernel goes by the greater of this setting and that one, which stands for all interfaces. */
  readonly greaterOf?: SettingPath;
  /** A change of that one sets this one, too, to the same. */
  readonly setBy?: SettingPath;
  /** What goes wrong otherwise, as the end of a sentence: `the replies of real servers are not forwarded`. */
  readonly without: string;
}

/**
 * Whether it can be the part of a path below /proc/sys: the name of a setting or of an interface, which has no slash,
 * blank or control character and is neither `.` nor `..`.
 */
export const isPathPart = (part: string): boolean => /^(?!\.{1,2}$)[^\s/\p{Cc}]{1,63}$/u.test(part);

/** Whether the kernel may have printed it, and takes it: one line. */
export const isSettingValue = (value: string): boolean => /^[^\p{Cc}]{0,4096}$/u.test(value);

/** What the kernel holds, in the form of `value`; undefined where it has no such setting. */
export type ReadSetting = (path: SettingPath) => string | undefined;

/** As sysctl(8) reads it: dots between the parts, and slashes for dots within one (`net.ipv4.conf.eth0/7.rp_filter`). */
export const settingName = (path: SettingPath): string =>
  path.map((part) => part.replaceAll('.', '/')).join('.');

/** Whether what the kernel holds is as good as what is wanted. */
export function isSatisfied({ path, value, orElse, greaterOf }: KernelSetting, read: ReadSetting): boolean {
  const own = read(path);
  const other = greaterOf && read(greaterOf);
  if (own === undefined) return false;
  const effective = other !== undefined && Number(other) > Number(own) ? other : own;
  return effective === value || orElse.includes(effective);
}

/** Those that are to be set: what is set by another of them is not. */
export function unmetOf(settings: readonly KernelSetting[], read: ReadSetting): readonly KernelSetting[] {
  const unmet = settings.filter((setting) => !isSatisfied(setting, read));
  const names = new Set(unmet.map(({ path }) => settingName(path)));
  return unmet.filter(({ setBy }) => setBy === undefined || !names.has(settingName(setBy)));
}

/** The command with which somebody would do it by hand. */
export const settingCommand = ({ path, value }: Pick<KernelSetting, 'path' | 'value'>): string =>
  `sysctl -w ${settingName(path)}=${value.includes(' ') ? `'${value}'` : value}`;
