/** The example configurations as texts, and what may become of one in an editor. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';

const examples = new URL('../../conf/examples/', import.meta.url);
export const texts = readdirSync(examples).map((name) => readFileSync(new URL(name, examples), 'utf8'));

export interface Changes {
  /** What may be put in. */
  readonly piece: fc.Arbitrary<string>;
  readonly mostPieces: number;
  /** Characters that are cut out at most. */
  readonly longestCut: number;
}

/** Hands `check` examples with something cut out and something put in: a thousand of them. */
export function forChanged({ piece, mostPieces, longestCut }: Changes, check: (text: string) => void): void {
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.nat({ max: longestCut }),
      fc.array(piece, { minLength: 1, maxLength: mostPieces }),
      (text, at, length, inserted) => {
        const start = at % text.length;
        check(text.slice(0, start) + inserted.join('') + text.slice(start + length));
      },
    ),
    { numRuns: 1_000 },
  );
}
