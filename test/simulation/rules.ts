/** What must hold after every single step of a director. */
import type { Director } from '../../src/vrrp/director/director.ts';
import { holdsAddresses } from '../../src/vrrp/machine.ts';
import type { Kernel } from './kernel.ts';

/** In words, what does not hold. */
export function brokenRules(director: Director, kernel: Kernel): readonly string[] {
  let broken: string[] | undefined;
  for (const { key, state, leaving } of director.members()) {
    if (!holdsAddresses(state) && kernel.has(key)) {
      broken = [...(broken ?? []), `${key} is ${state.name} and holds addresses`];
    }
    if (state.name !== 'active' || leaving) continue;
    for (const other of director.unitOf(key)?.members ?? []) {
      if (other.leaving || holdsAddresses(other.state)) continue;
      broken = [...(broken ?? []), `${key} is active while ${other.key} is ${other.state.name}`];
    }
  }
  return broken ?? NONE;
}

const NONE: readonly string[] = [];
