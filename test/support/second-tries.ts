/** Tells at the end of a run which tests passed at the second try only, so that nobody overlooks them. */
import type { Reporter, TestModule } from 'vitest/node';

export default class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const { children, relativeModuleId } of modules) {
      for (const test of children.allTests('passed')) {
        if (test.diagnostic()?.flaky === true)
          console.log(`passed at the second try only: ${relativeModuleId} > ${test.fullName}`);
      }
    }
  }
}
