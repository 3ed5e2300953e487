/**
 * Routes and rules of a new configuration in the place of those before: what is new is there before what goes, so that
 * there is no moment without either.
 */
import { isRoute, type Routes } from '../../kernel/routes.ts';
import { isRule, type Rules } from '../../kernel/rules.ts';
import type { RouteSpec, RuleSpec } from '../../model/routes.ts';

/** Of a virtual router, or static. */
export interface Routing {
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
}

export interface RoutingKernel {
  readonly routes: Pick<Routes, 'listOwn' | 'put' | 'remove'>;
  readonly rules: Pick<Rules, 'listOwn' | 'put' | 'remove'>;
}

export interface Change {
  readonly before: Routing;
  readonly after: Routing;
  /** Everything that is to be there, whoever asks for it. */
  readonly kept: readonly Routing[];
  /** Told for each that the kernel would not put or remove, and where it would not list them. */
  readonly onRefused: (verb: 'put' | 'remove', error: unknown) => void;
}

/** Whether both have the same, in the same words and order. */
export const isSameRouting = (one: Routing, other: Routing): boolean =>
  JSON.stringify([one.routes, one.rules]) === JSON.stringify([other.routes, other.rules]);

export const mergedRouting = (all: readonly Routing[]): Routing => ({
  routes: all.flatMap(({ routes }) => routes),
  rules: all.flatMap(({ rules }) => rules),
});

/**
 * Puts what `after` has, and removes what `before` had and nobody keeps. Rules come behind the routes that their tables
 * hold, and go ahead of them.
 */
export function reroute({ routes, rules }: RoutingKernel, change: Change): void {
  const { before, after, kept, onRefused } = change;
  const all = mergedRouting([after, ...kept]);
  const tell = (verb: 'put' | 'remove', refusals: readonly { readonly error: Error }[]): void => {
    for (const { error } of refusals) onRefused(verb, error);
  };
  const put = (): void => {
    if (after.routes.length > 0) tell('put', routes.put(after.routes));
    if (after.rules.length > 0) tell('put', rules.put(after.rules));
  };
  put();
  try {
    const rulesLeft = leftOf(before.rules, all.rules, rules.listOwn, isRule);
    if (rulesLeft.length > 0) tell('remove', rules.remove(rulesLeft));
    const routesLeft = leftOf(before.routes, all.routes, routes.listOwn, isRoute);
    if (routesLeft.length === 0) return;
    tell('remove', routes.remove(routesLeft));
    // Linux takes the first IPv4 route that has all that is named, which is the new one where that names more (its
    // source, its MTU) and is else the same.
    const still = leftOf(before.routes, all.routes, routes.listOwn, isRoute);
    if (still.length > 0) tell('remove', routes.remove(still));
  } catch (error) {
    onRefused('remove', error);
  }
  put();
}

/** Of what there is: in the kernel's words, which tell one from another where those of a file leave something open. */
function leftOf<Spec>(
  before: readonly Spec[],
  wanted: readonly Spec[],
  listOwn: () => readonly Spec[],
  is: (held: Spec, wanted: Spec) => boolean,
): readonly Spec[] {
  const known = new Set(wanted.map((spec) => JSON.stringify(spec)));
  const gone = before.filter((spec) => !known.has(JSON.stringify(spec)));
  if (gone.length === 0) return [];
  const isIn = (held: Spec, specs: readonly Spec[]): boolean => specs.some((spec) => is(held, spec));
  return listOwn().filter((held) => isIn(held, gone) && !isIn(held, wanted));
}
