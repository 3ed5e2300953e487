/** Firewall marks (fwmark) that packet filters give to packets. Pure. */
import type { Config } from '../../model/config.ts';
import { type Finding, warning } from '../finding.ts';

export interface GivenMarks {
  readonly marks: ReadonlySet<number>;
  /** Whether there are rules that may give any mark: from a map, or from the connection. */
  readonly others: boolean;
}

/** `MARK --set-mark`, which iptables-save prints as --set-xmark VALUE/MASK. */
const TARGET = /-j MARK (.*)$/gm;
const SET_ALL = /^--set-x?mark (0x[0-9a-f]+|\d+)(?:\/0xffffffff)?\s*$/i;
const RESTORED = /-j CONNMARK .*--restore-mark/;

export function marksInIptables(saved: string): GivenMarks {
  const targets = [...saved.matchAll(TARGET)].map(([, options = '']) => SET_ALL.exec(options)?.[1]);
  return {
    marks: new Set(targets.flatMap((mark) => (mark === undefined ? [] : [Number(mark)]))),
    others: targets.includes(undefined) || RESTORED.test(saved),
  };
}

/** In `nft -j list ruleset`, by its text: `{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}`. */
const STATEMENT =
  /"mangle":\s*\{\s*"key":\s*\{\s*"meta":\s*\{\s*"key":\s*"mark"\s*\}\s*\},\s*"value":\s*(\d+\s*\})?/g;

export function marksInNftables(json: string): GivenMarks {
  const values = [...json.matchAll(STATEMENT)].map(([, value]) => value);
  return {
    marks: new Set(values.flatMap((value) => (value === undefined ? [] : [Number.parseInt(value, 10)]))),
    others: values.includes(undefined),
  };
}

export const mergeMarks = (all: readonly GivenMarks[]): GivenMarks => ({
  marks: new Set(all.flatMap(({ marks }) => [...marks])),
  others: all.some(({ others }) => others),
});

/** Services by a mark that somebody else must set, and nobody does. */
export function markFindings(
  { virtualServers }: Pick<Config, 'virtualServers'>,
  given: GivenMarks,
): readonly Finding[] {
  if (given.others) return [];
  return virtualServers.flatMap(({ name, entries, match }) => {
    const [key] = entries;
    if (key.kind !== 'mark' || match.length > 0 || given.marks.has(key.mark)) return [];
    return [
      warning(
        `no rule of this host gives packets the mark ${key.mark} of ${name}`,
        'its clients are not balanced',
        `match: { address: …, protocol: tcp, ports: [80, 443] } in the service, and vipward sets the mark; or your own rule at prerouting: nft … meta mark set ${key.mark}`,
      ),
    ];
  });
}
