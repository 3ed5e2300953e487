/** What `vipward doctor` has found, for the eye: what is wrong first, and of thousands of one kind a few. */
import { alikeFindings } from '../../doctor/alike.ts';
import type { Finding } from '../../doctor/finding.ts';
import type { Style } from './style.ts';
import { printable } from './text.ts';

const ORDER: readonly Finding['severity'][] = ['problem', 'warning', 'unknown', 'good'];
/** So many of one kind are all told; of more, the first ones. */
const MOST = 5;
const FIRST = 3;

/** `all`: none is left out. */
export function formatFindings(findings: readonly Finding[], style: Style, all: boolean): string[] {
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  if (all) return sorted.flatMap((finding) => formatFinding(finding, style));
  return alikeFindings(sorted).flatMap((kind) => {
    const told = kind.length > MOST ? kind.slice(0, FIRST) : kind;
    const lines = told.flatMap((finding) => formatFinding(finding, style));
    const last = kind.at(-1);
    return told.length === kind.length || last === undefined
      ? lines
      : [...lines, ...leftOut(kind.length - FIRST, last, style)];
  });
}

const wordOf = (severity: Finding['severity'], style: Style): string => {
  switch (severity) {
    case 'problem':
      return style.bad('PROBLEM');
    case 'warning':
      return style.doubtful('warning');
    case 'unknown':
      return style.doubtful('unknown');
    case 'good':
      return style.good('good   ');
    default:
      return severity satisfies never;
  }
};

const formatFinding = ({ severity, what, breaks, mend }: Finding, style: Style): readonly string[] => [
  `${wordOf(severity, style)}  ${printable(what)}`,
  ...(breaks === '' ? [] : [`         ${printable(breaks)}`]),
  ...(mend === '' ? [] : [`         → ${printable(mend)}`]),
];

const leftOut = (count: number, last: Finding, style: Style): readonly string[] => [
  `${wordOf(last.severity, style)}  ${count} more like these ${FIRST}, up to ${printable(last.what)}`,
  '         → each with its command: vipward doctor --all',
];
