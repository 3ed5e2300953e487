/** Lengths of time, as people read them. */

const UNITS = [
  { name: 'd', length: 86_400 },
  { name: 'h', length: 3_600 },
  { name: 'm', length: 60 },
  { name: 's', length: 1 },
] as const;

/**
 * Milliseconds in the two largest units that matter: `3d4h`, `2m0s`, `12s`; below a second `340ms`. Cut, not rounded.
 * A negative one, which is a clock that was set back, is `0ms`.
 */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.floor(milliseconds))}ms`;
  const seconds = Math.floor(milliseconds / 1000);
  const first = UNITS.findIndex((unit) => seconds >= unit.length);
  let rest = seconds;
  return UNITS.slice(first, first + 2)
    .map(({ name, length }) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return `${count}${name}`;
    })
    .join('');
}

/** `3m12s ago`; `just now` within the last second. Both are milliseconds since 1970. */
export const formatAgo = (at: number, now: number): string =>
  now - at < 1000 ? 'just now' : `${formatDuration(now - at)} ago`;
