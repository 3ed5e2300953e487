/** Which kernel settings we have changed, and what they were: the one way to change them, and to put them back. */
import type { ChangedSetting } from '../model/messages.ts';
import {
  isSatisfied,
  type KernelSetting,
  type ReadSetting,
  type SettingPath,
  settingName,
} from './setting.ts';

export type { ChangedSetting } from '../model/messages.ts';

export interface SettingsAccess {
  readonly read: ReadSetting;
  /** Why it could not be set. */
  write(path: SettingPath, value: string): Error | undefined;
}

export class SettingsLedger {
  readonly #kernel: SettingsAccess;
  readonly #changed: Map<string, ChangedSetting>;

  /** `changed`: by a former process, on this kernel. */
  constructor(kernel: SettingsAccess, changed: readonly ChangedSetting[]) {
    this.#kernel = kernel;
    this.#changed = new Map(changed.map((each) => [settingName(each.path), each]));
  }

  get changed(): readonly ChangedSetting[] {
    return [...this.#changed.values()];
  }

  /** What we have changed and `wanted` does not name. */
  obsolete(wanted: readonly KernelSetting[]): readonly ChangedSetting[] {
    const names = new Set(wanted.map(({ path }) => settingName(path)));
    return this.changed.filter(({ path }) => !names.has(settingName(path)));
  }

  isSatisfied(setting: KernelSetting): boolean {
    return isSatisfied(setting, this.#kernel.read);
  }

  /** What a setting was before us. */
  original(path: SettingPath): string | undefined {
    return this.#changed.get(settingName(path))?.was ?? this.#kernel.read(path);
  }

  has(path: SettingPath): boolean {
    return this.#changed.has(settingName(path));
  }

  /**
   * Notes what the settings are, before they are set. Whoever saves `changed` then may be killed at any moment: one that
   * was not set yet is put back by leaving it.
   */
  intend(settings: readonly Pick<KernelSetting, 'path' | 'value'>[]): void {
    for (const { path, value } of settings) {
      const was = this.original(path);
      if (was !== undefined) this.#changed.set(settingName(path), { path, was, set: value });
    }
  }

  /** Another process has changed it for us; false: that is known already. */
  adopt(change: ChangedSetting): boolean {
    const name = settingName(change.path);
    if (this.#changed.has(name)) return false;
    this.#changed.set(name, change);
    return true;
  }

  /** Why the kernel refuses it. */
  set({ path, value }: KernelSetting): Error | undefined {
    this.intend([{ path, value }]);
    const error = this.#kernel.write(path, value);
    if (error !== undefined && this.#kernel.read(path) === this.original(path))
      this.#changed.delete(settingName(path));
    return error;
  }

  /** Whether somebody has changed it since, and wants it so. */
  isOvertaken({ path, set }: ChangedSetting): boolean {
    return this.#kernel.read(path) !== set;
  }

  /** `kept`: somebody has changed it since, and wants it so. What the kernel refuses stays to be put back. */
  putBack(change: ChangedSetting): 'done' | 'kept' | Error {
    const { path, was } = change;
    const error = this.isOvertaken(change) ? 'kept' : this.#kernel.write(path, was);
    if (error instanceof Error) return error;
    this.#changed.delete(settingName(path));
    return error ?? 'done';
  }
}

/** What putting it back would do, or has done. */
export const backText = ({ path, was, set }: ChangedSetting): string =>
  `put back ${settingName(path)}: ${set} → ${was}`;
