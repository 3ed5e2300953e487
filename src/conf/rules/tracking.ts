/** What is tracked: whether it is defined, and whether its definition makes sense. */
import type { TrackKind } from '../../model/tracking.ts';
import { TRACK_LISTS } from '../convert/tracking.ts';
import { errorAt, type Finding, type Path } from '../finding.ts';
import {
  type ConfigDraft,
  duplicates,
  itemsOf,
  syncGroupsOf,
  type TrackDraft,
  virtualRoutersOf,
} from './draft.ts';
import { adviceFor } from './names.ts';

interface Use {
  readonly kind: TrackKind;
  readonly path: Path;
  readonly name: string;
  readonly weight: number | undefined;
  readonly inverse: boolean;
}

const KINDS = Object.keys(TRACK_LISTS) as readonly TrackKind[];

export function trackingFindings(draft: ConfigDraft): readonly Finding[] {
  const users = [...virtualRoutersOf(draft), ...syncGroupsOf(draft)];
  return [
    ...users.flatMap(({ path, value }) => {
      const uses = usesOf(value.track ?? {}, [...path, 'track']);
      return [
        ...uses.flatMap((use) => undefinedName(use, draft)),
        ...uses.flatMap(noWeight),
        ...duplicates(uses, ({ kind, name }) => `${kind} ${name}`, twice),
      ];
    }),
    ...processLimits(draft),
  ];
}

function usesOf(track: TrackDraft, path: Path): readonly Use[] {
  return KINDS.flatMap((kind) =>
    itemsOf(track[TRACK_LISTS[kind]], [...path, TRACK_LISTS[kind]]).flatMap(({ path: at, value }): Use[] =>
      value.name === undefined
        ? []
        : [{ kind, path: at, name: value.name, weight: value.weight, inverse: value.inverse ?? false }],
    ),
  );
}

/** Those that change the priority, each in one form, so that two sets can be compared. */
export const weightedUsesOf = (track: TrackDraft): readonly string[] =>
  usesOf(track, [])
    .filter(({ weight }) => weight !== undefined)
    .map(({ kind, name, weight, inverse }) => `${kind} ${name} ${weight}${inverse ? ' inverse' : ''}`)
    .sort();

/** Where the names of a kind are defined; undefined: nowhere, or that section could not be read. */
function definitions(
  kind: TrackKind,
  draft: ConfigDraft,
): { section: string; names: readonly string[] } | undefined {
  if (kind === 'interface') return undefined;
  const list = TRACK_LISTS[kind];
  const entries = list === 'services' ? draft.services : draft.track?.[list as keyof typeof draft.track];
  const section = list === 'services' ? 'services' : `track.${list}`;
  return entries && { section, names: Object.keys(entries) };
}

function undefinedName({ kind, name, path }: Use, draft: ConfigDraft): readonly Finding[] {
  const defined = definitions(kind, draft);
  if (defined === undefined || defined.names.includes(name)) return [];
  const advice = adviceFor(name, defined.names, defined.section);
  return [errorAt(path, `there is no ${kind} "${name}" in ${defined.section}: ${advice}`)];
}

function noWeight({ path, weight }: Use): readonly Finding[] {
  if (weight !== 0) return [];
  const message =
    'weight 0 changes nothing: leave it out for FAULT while it is down, or give another from -253 to 253';
  return [errorAt([...path, 'weight'], message)];
}

const twice = ({ path, kind, name }: Use): Finding =>
  errorAt(path, `${kind} ${name} is tracked here already: keep one of them`);

function processLimits({ track }: ConfigDraft): readonly Finding[] {
  return Object.entries(track?.processes ?? {}).flatMap(([name, process]): readonly Finding[] => {
    const path = ['track', 'processes', name];
    if (process?.least === undefined || process.most === undefined || process.least <= process.most)
      return [];
    return [
      errorAt(
        [...path, 'most'],
        `most ${process.most} is less than least ${process.least}: it would never be up`,
      ),
    ];
  });
}
