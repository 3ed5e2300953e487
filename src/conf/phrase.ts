/**
 * Every leaf of the schema says in one phrase what it expects; `explain.ts` builds the sentence around it, with the
 * key before and what was found behind: `interval: expected a duration …, not the bare number 3`.
 */

/** What zod takes as an `error`: the phrase, which may depend on what was found. */
export type Phrase = (issue: { readonly input?: unknown }) => string;

export const phrase =
  (expected: string, special?: (input: unknown) => string | undefined): Phrase =>
  ({ input }) =>
    special?.(input) ?? expected;
