import { isKernelError } from './kernel-error.ts';

/** One of several that the kernel would not put or remove, and why: a KernelError or KernelAnswerError. */
export interface Refusal<Spec> {
  readonly spec: Spec;
  readonly error: Error;
}

/** Those of a batch that were refused, but for errors with one of the names `harmless`. */
export const refusalsOf = <Spec>(
  specs: readonly Spec[],
  outcomes: readonly (Error | undefined)[],
  ...harmless: readonly string[]
): readonly Refusal<Spec>[] =>
  specs.flatMap((spec, i) => {
    const error = outcomes[i];
    return error === undefined || isKernelError(error, ...harmless) ? [] : [{ spec, error }];
  });
