/** Looks back on the whole story. */
import { checkErrors } from '../findings.ts';
import type { Step } from '../step.ts';

/** Who was to become MASTER how often after the start: lvs2 twice in the place of lvs1, which came back twice. */
const TIMES_MASTER = { lvs1: 2, lvs2: 2 } as const;

export const whole: Step = {
  title: '11 all the time',
  tale: 'At last, all requests of the story together, and all changes of the VIP.',
  async play(stage) {
    const { begin } = stage.traffic;
    const master = { lvs1: stage.lvs1.timesMaster(begin), lvs2: stage.lvs2.timesMaster(begin) };
    return [
      await checkErrors(stage, begin, 'errors only in the times that the steps allow'),
      {
        expected: `the VIP moved only when it should: ${TIMES_MASTER.lvs1} times to lvs1, ${TIMES_MASTER.lvs2} times to lvs2`,
        seen: `${master.lvs1} times to lvs1, ${master.lvs2} times to lvs2`,
        measured: '',
        ok: master.lvs1 === TIMES_MASTER.lvs1 && master.lvs2 === TIMES_MASTER.lvs2,
        values: master,
      },
    ];
  },
};
