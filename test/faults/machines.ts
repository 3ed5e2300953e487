/** Faults of a whole machine, each director being a kernel of its own. */
import type { Fault } from './fault.ts';

const nodeLost: Fault = {
  name: 'node-lost',
  title: 'the machine of the active director is gone',
  place: 'kernels',
  lasts: 10,
  prepare: async (stage) => async () => {
    stage.kernelOf(stage.a).kill();
    stage.runs(stage.a, false);
    return undefined;
  },
};

const nodePaused: Fault = {
  name: 'node-paused',
  title: 'the machine of the active director stands still for 8 s',
  place: 'kernels',
  lasts: 8,
  after: 8,
  prepare: async (stage) => async () => {
    const kernel = stage.kernelOf(stage.a);
    kernel.pause();
    stage.runs(stage.a, false);
    return async () => {
      stage.runs(stage.a, true);
      kernel.resume();
    };
  },
};

const clockBack: Fault = {
  name: 'clock-back',
  title: "the active director's clock is set back by an hour",
  place: 'kernels',
  lasts: 10,
  prepare:
    async ({ a }) =>
    async () => {
      await a.node.run('date -s "@$(($(date +%s) - 3600))"');
      return undefined;
    },
};

export const machineFaults: readonly Fault[] = [nodeLost, nodePaused, clockBack];
