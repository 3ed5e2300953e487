/** Lines for people that tell the same of one port after the other, as one. */

/** `add source NAT to 10.2.2.100 for tcp 192.0.2.10 port 80 at 10.2.2.11:8080`: src/balance/packet-rule-words.ts. */
const OF_A_PORT = /^((?:add|remove) source NAT to .* port )(\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*)( at .*)$/;

/** Each where the first of its kind stood. */
export function folded(lines: readonly string[]): readonly string[] {
  // Whatever else stands there is a group of its own.
  const groups = new Map<string | number, readonly [before: string, ranges: Range[], behind: string]>();
  for (const [i, line] of lines.entries()) {
    const [, before = line, ports, behind = ''] = OF_A_PORT.exec(line) ?? [];
    const key = ports === undefined ? i : before + behind;
    const group = groups.get(key) ?? [before, [], behind];
    if (ports !== undefined) group[1].push(...ports.split(', ').map(rangeOf));
    groups.set(key, group);
  }
  return [...groups.values()].map(([before, ranges, behind]) => before + rangesText(ranges) + behind);
}

type Range = readonly [first: number, last: number];

function rangeOf(text: string): Range {
  const [first = '', last = first] = text.split('-');
  return [Number(first), Number(last)];
}

function rangesText(ranges: readonly Range[]): string {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}
