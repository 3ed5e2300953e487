/** What the doctor has found, for the eye. */
import { describe, expect, it } from 'vitest';
import { formatFindings } from '../../../src/cli/format/findings.ts';
import { styleFor } from '../../../src/cli/format/style.ts';
import { type Finding, good, problem, unknown } from '../../../src/doctor/finding.ts';

const silent = (i: number): Finding =>
  unknown(
    `web${i}: real server 10.2.${i >> 8}.${i & 255}: its gateway`,
    `it answers nothing: neither ping nor port ${8000 + i}, asked from 10.1.1.254 and from 2001:db8::${i.toString(16)}`,
    `ss -ltn 'sport = :${8000 + i}'`,
  );
const dropped = (i: number, cause: string): Finding => ({
  ...problem(`replies of 10.2.0.${i}: dropped by ${cause}`, 'clients never get an answer', `nft ${i}`),
  cause,
});
const many = (count: number, of: (i: number) => Finding) => Array.from({ length: count }, (_, i) => of(i));
const lines = (findings: readonly Finding[], all = false) => formatFindings(findings, styleFor(false), all);

describe('findings', () => {
  it('are told with what is wrong first', () => {
    expect(lines([good('a'), silent(1), problem('c', 'd', '')])).toEqual([
      'PROBLEM  c',
      '         d',
      ...lines([silent(1)]),
      'good     a',
    ]);
  });

  it('of ten thousand real servers are some of each kind, and how many there are', () => {
    const findings = [...many(10_000, silent), ...many(6, (i) => dropped(i, 'the policy of input'))];
    const told = lines(findings);
    expect(told.length).toBeLessThan(30);
    expect(told).toContain(
      'unknown  9997 more like these 3, up to web9999: real server 10.2.39.15: its gateway',
    );
    expect(told).toContain(
      'PROBLEM  3 more like these 3, up to replies of 10.2.0.5: dropped by the policy of input',
    );
    expect(lines(findings, true)).toHaveLength(3 * 10_006);
  });

  it('are all told where they are few', () => {
    expect(lines(many(5, silent))).toHaveLength(15);
  });

  it('of another cause, or with another end, are none of the same kind', () => {
    const told = lines([
      ...many(9, (i) => dropped(i, 'the policy of input')),
      dropped(9, 'a rule'),
      ...many(9, silent),
      unknown('web9: its gateway', 'this director has no address on the side of the clients'),
      ...many(9, (i) => good(`real server ${i} answers`)),
    ]);
    expect(told).toContain('PROBLEM  replies of 10.2.0.9: dropped by a rule');
    expect(told).toContain('unknown  web9: its gateway');
    expect(told.filter((line) => line.startsWith('good '))).toHaveLength(9);
  });
});
