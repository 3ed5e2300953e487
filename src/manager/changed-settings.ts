/**
 * What was changed of the kernel and is to be put back, remembered in the state directory, so that a daemon that was
 * killed is no reason to forget it.
 */
import { z } from 'zod';
import { kernelIdentity } from '../kernel/identity.ts';
import type { ChangedSetting, Log } from '../model/messages.ts';
import { isPathPart, isSettingValue } from '../prepare/setting.ts';
import type { StateFileName } from './damaged.ts';
import { StateFile } from './state-file.ts';

const SIZE_LIMIT = 1024 * 1024;

/** It is written by root's hand: one that leads out of /proc/sys was not written by vipward, and is not followed. */
const Part = z.string().refine(isPathPart, 'it is no part of the name of a kernel setting');
const Value = z.string().refine(isSettingValue, 'it is no value of a kernel setting');

const Changed = z.object({
  version: z.literal(1),
  /** Of which kernel: after a reboot, and in another network namespace, there is nothing to put back. */
  kernel: z.string(),
  changed: z.array(z.object({ path: z.tuple([Part], Part).readonly(), was: Value, set: Value })),
});

export interface ChangedSettingsOptions {
  readonly stateDir: string;
  readonly name: StateFileName;
  readonly log: Log;
  /** What it means that it cannot be written, in words that end the log line. */
  readonly unwritable: string;
  /** Another one after each boot and in each network namespace; the kernel's unless given. */
  readonly identity?: () => string;
}

export class ChangedSettings {
  readonly #identity: () => string;
  readonly #file: StateFile<z.infer<typeof Changed>>;

  constructor({ stateDir, identity = kernelIdentity, ...options }: ChangedSettingsOptions) {
    this.#identity = identity;
    // It is written ahead of the table, and means nothing after a boot.
    const durable = 'soon';
    this.#file = new StateFile({
      ...{ ...options, durable, directory: stateDir, limit: SIZE_LIMIT },
      schema: Changed,
    });
  }

  /** By a former process, on this kernel. */
  read(): readonly ChangedSetting[] {
    const saved = this.#file.read();
    return saved?.kernel === this.#identity() ? saved.changed : [];
  }

  write(changed: readonly ChangedSetting[]): void {
    this.#file.write({ version: 1, kernel: this.#identity(), changed: [...changed] });
  }
}
