/** The part of the status that is about VRRP. */

import { familyName } from '../../model/address.ts';
import {
  type RouterCounters,
  type RouterPathStatus,
  type RouterStatus,
  shownWord,
} from '../../model/router-status.ts';
import { formatDuration } from './duration.ts';
import type { Style } from './style.ts';
import { alignColumns, countOf, indent, printable } from './text.ts';

export interface View {
  readonly style: Style;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether counters are shown too. */
  readonly verbose: boolean;
}

/** Each virtual router in four lines or so; with counters when verbose. */
export function formatVirtualRouters(routers: readonly RouterStatus[], view: View): string[] {
  const heads = alignColumns(routers.map((router) => headOf(router, view)));
  return routers.flatMap((router, i) => [
    `  ${heads[i]}`,
    ...indent(alignColumns(detailsOf(router, view)), 4),
  ]);
}

function headOf(router: RouterStatus, { style, now }: View): string[] {
  return [
    style.heading(router.name),
    stateWord(router, style),
    `for ${formatDuration(now - router.since)}`,
    `${router.interface} vrid ${router.vrid} priority ${priorityOf(router)}${groupOf(router)}`,
  ];
}

const priorityOf = ({ priority, basePriority }: RouterStatus): string =>
  priority === basePriority ? String(priority) : `${priority} (${basePriority} configured)`;

const groupOf = ({ group }: RouterStatus): string =>
  group === undefined ? '' : ` group ${printable(group)}`;

function stateWord(router: RouterStatus, style: Style): string {
  const word = shownWord(router);
  if (router.releasing) return style.doubtful(`${word} (handing over)`);
  switch (router.state) {
    case 'active':
      return style.good(word);
    case 'backup':
      return word;
    case 'initialize':
      return router.waiting ? style.doubtful(word) : style.bad(word);
    default:
      return router.state satisfies never;
  }
}

function detailsOf(router: RouterStatus, view: View): string[][] {
  const { style, verbose } = view;
  const details = [
    ['because', printable(router.reason)],
    ['now', printable(router.explanation)],
    ['active router', activeRouterOf(router)],
    ['addresses', router.addresses.join(' ')],
    ...pathsOf(router, view),
    ...trackedOf(router, style),
    ...troublesOf(router).map(([name, text]) => [name, style.doubtful(text)]),
  ];
  return verbose ? [...details, ['counters', countersOf(router.counters)]] : details;
}

/** A single one stands as the virtual router does. */
function pathsOf({ paths = [] }: RouterStatus, view: View): string[][] {
  const several = paths.some((path) => path.interface !== paths[0]?.interface);
  if (!several && !view.verbose) return [];
  const families = new Set(paths.map(({ family }) => family));
  return paths.map((path) => {
    const family = families.size > 1 ? ` ${familyName(path.family)}` : '';
    return ['path', `${path.interface} ${path.transport}${family}: ${pathWord(path, view)}`];
  });
}

function pathWord({ state, since, reason }: RouterPathStatus, { style, now }: View): string {
  const time = formatDuration(now - since);
  switch (state) {
    case 'heard':
      return 'heard';
    case 'sending':
      return 'sending';
    case 'silent':
      return style.bad(`SILENT for ${time}`);
    case 'down':
      return style.bad(`DOWN for ${time}: ${printable(reason ?? '')}`);
    default:
      return state satisfies never;
  }
}

function activeRouterOf({ state, activeRouter }: RouterStatus): string {
  if (activeRouter === undefined) return 'none heard';
  const { address, priority } = activeRouter;
  return state === 'active' ? `this director, ${address}` : `${address} priority ${priority}`;
}

/** What should never happen is shown without being asked for. */
function troublesOf({ counters, rival }: RouterStatus): [string, string][] {
  const rejected = Object.entries(counters.rejected).filter(([, count]) => count > 0);
  const troubles: [string, string][] = [];
  if (rejected.length > 0) {
    troubles.push([
      'rejected',
      rejected.map(([reason, count]) => `${printable(reason)} ${count}`).join(', '),
    ]);
  }
  if (counters.addressesRestored > 0) {
    troubles.push(['restored', `addresses that somebody removed: ${counters.addressesRestored}`]);
  }
  if (counters.rivals > 0) {
    const last =
      rival === undefined
        ? ''
        : `, the last ${rival.address}, which ${rival.outcome === 'won' ? 'gave way' : 'went on: it preempted, or a partition healed'}`;
    troubles.push([
      'rivals',
      `another director was active beside this one: ${countOf(counters.rivals, 'time')}${last}`,
    ]);
  }
  if (counters.conflicts > 0) {
    troubles.push([
      'conflicts',
      `another host answered for an address: ${countOf(counters.conflicts, 'time')}`,
    ]);
  }
  if (counters.sendErrors > 0) troubles.push(['send errors', String(counters.sendErrors)]);
  return troubles;
}

/** What is tracked, with what it does to the priority. */
function trackedOf({ tracked }: RouterStatus, style: Style): string[][] {
  return tracked.map(({ kind, name, state, weight, reason }) => {
    const effect = weight === undefined ? 'fault when down' : `weight ${weight}`;
    const words = `${kind} ${name} ${state} (${effect}): ${printable(reason)}`;
    return ['tracked', state === 'up' ? words : style.doubtful(words)];
  });
}

const countersOf = (counters: RouterCounters): string =>
  `adverts sent ${counters.advertsSent}, received ${counters.advertsReceived}; became MASTER ${countOf(counters.becameActive, 'time')}`;
