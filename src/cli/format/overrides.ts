/** What operators have said of real servers: who, why, since when and until when. */
import type { Override } from '../../model/override.ts';
import { formatAgo, formatDuration } from './duration.ts';
import { printable } from './text.ts';
import type { View } from './virtual-routers.ts';

/** One line each: `10.1.1.2:80 draining, 3m0s left, asked for by ada 2m0s ago: new kernel`. */
export const formatOverrides = (overrides: readonly Override[], view: View): string[] =>
  overrides.map((override) => view.style.doubtful(overrideText(override, view.now)));

/** Those whose real server the file does not have. */
export const formatDangling = (overrides: readonly Override[], view: View): string[] =>
  overrides.map(
    (override) =>
      view.style.doubtful(`${printable(override.service)}: ${overrideText(override, view.now)}`) +
      `; not in the file: vipward enable ${printable(override.service)} ${override.server} forgets it`,
  );

function overrideText(override: Override, now: number): string {
  const { server, by, reason, since } = override;
  const why = reason === undefined ? '' : `: ${printable(reason)}`;
  return `${server} ${stateText(override, now)} by ${printable(by)} ${formatAgo(since, now)}${why}`;
}

function stateText({ action, weight, until = 0, drainedAt, cutOff = 0 }: Override, now: number): string {
  switch (action) {
    case 'disable':
      return 'disabled';
    case 'weight':
      return `given weight ${weight}`;
    case 'drain': {
      if (drainedAt === undefined)
        return until > now
          ? `draining, ${formatDuration(until - now)} left, asked for`
          : 'draining, its time is over, asked for';
      return cutOff === 0 ? 'drained, asked for' : `drained (${cutOff} connections cut off), asked for`;
    }
    default:
      return action satisfies never;
  }
}
