/**
 * Routes and rules that a process of ours before this one has left: it was killed, and unlike addresses they have no
 * lease that ends. Its macvlans are found by their names (see vmac.ts).
 */
import { isRoute, type Routes } from '../../kernel/routes.ts';
import { isRule, type Rules } from '../../kernel/rules.ts';
import { reasonOf } from '../../model/reason.ts';
import type { RouteSpec, RuleSpec } from '../../model/routes.ts';
import type { ThrottledLog } from './throttle.ts';

export interface LeftoversContext {
  readonly routes: Pick<Routes, 'listOwn' | 'remove'>;
  readonly rules: Pick<Rules, 'listOwn' | 'remove'>;
  readonly complain: ThrottledLog;
}

export interface Kept {
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
}

/** Removes all of ours but what is `kept`: what is there whatever the state, and what belongs to an active router. */
export function removeLeftovers({ routes, rules, complain }: LeftoversContext, kept: readonly Kept[]): void {
  const attempt = (what: string, remove: () => readonly { readonly error: Error }[]): void => {
    const say = (error: unknown) => {
      const why = reasonOf(error);
      complain(`left ${what}`, 'warn', `cannot remove ${what} that an earlier process has left: ${why}`);
    };
    try {
      for (const { error } of remove()) say(error);
    } catch (error) {
      say(error);
    }
  };
  attempt('rules', () => {
    const wanted = kept.flatMap((each) => each.rules);
    return rules.remove(rules.listOwn().filter((held) => !wanted.some((spec) => isRule(held, spec))));
  });
  attempt('routes', () => {
    const wanted = kept.flatMap((each) => each.routes);
    return routes.remove(routes.listOwn().filter((held) => !wanted.some((spec) => isRoute(held, spec))));
  });
}
