/** What is tracked, and how it is used. */
import type { Trackers, TrackKind, TrackUse } from '../../model/tracking.ts';
import { type Milliseconds, milliseconds } from '../../model/units.ts';
import type { TrackersShape, TrackShape } from '../schema/index.ts';

/** Where each kind stands in the file. */
export const TRACK_LISTS = {
  interface: 'interfaces',
  script: 'scripts',
  process: 'processes',
  file: 'files',
  service: 'services',
  gateway: 'gateways',
} as const satisfies Readonly<Record<TrackKind, keyof TrackShape>>;

export const toTrackUses = (shape: TrackShape): readonly TrackUse[] =>
  (Object.keys(TRACK_LISTS) as readonly TrackKind[]).flatMap((kind) =>
    shape[TRACK_LISTS[kind]].map(({ name, weight, inverse }) => ({ kind, name, weight, inverse })),
  );

/** A script that hangs is noticed within this time unless its own timeout is longer. */
const MOST_SCRIPT_TIMEOUT = milliseconds(5000);

const scriptTimeout = (timeout: Milliseconds | undefined, interval: Milliseconds): Milliseconds =>
  timeout ?? milliseconds(Math.min(interval, MOST_SCRIPT_TIMEOUT));

export function toTrackers(shape: TrackersShape): Trackers {
  return {
    scripts: named(shape.scripts).map(({ timeout, user, group, ...rest }) => ({
      ...rest,
      user,
      group,
      timeout: scriptTimeout(timeout, rest.interval),
    })),
    processes: named(shape.processes).map(({ most, ...rest }) => ({ ...rest, most })),
    files: named(shape.files),
    gateways: named(shape.gateways).map(({ address, ...rest }) => ({
      ...rest,
      address: address === 'default' ? undefined : address,
    })),
  };
}

const named = <Shape extends object>(entries: Readonly<Record<string, Shape>>) =>
  Object.entries(entries).map(([name, shape]) => ({ name, ...shape }));
