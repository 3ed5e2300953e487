/** Looks back on the whole story. */
import { errors } from '../row.ts';
import type { Step } from '../step.ts';
import { errorsOf } from '../traffic.ts';

/** Who was to become MASTER how often: lvs1 at the start, at its return and at its restart; lvs2 for it twice. */
const TIMES_MASTER = { lvs1: 3, lvs2: 2 } as const;

export const whole: Step = {
  title: '11 all the time',
  tale: 'At last, all requests of the story together, and all changes of the VIP.',
  async play({ traffic, lvs1, lvs2 }) {
    const requests = await traffic.sent(0);
    const unexplained = traffic.unexplained(requests);
    const failed = errorsOf(requests).length;
    const master = { lvs1: lvs1.timesMaster, lvs2: lvs2.timesMaster };
    return [
      {
        expected: 'errors only in the times that the steps allow',
        seen: unexplained.length === 0 ? 'as expected' : `${errors(unexplained.length)} else`,
        measured: `${requests.length} requests, ${errors(failed)}`,
        ok: unexplained.length === 0,
        values: { requests: requests.length, errors: failed, unexplained: unexplained.length },
      },
      {
        expected: `the VIP moved when it should, and else never: lvs1 was given it ${TIMES_MASTER.lvs1} times, lvs2 ${TIMES_MASTER.lvs2} times`,
        seen: `lvs1 ${master.lvs1} times, lvs2 ${master.lvs2} times`,
        measured: '',
        ok: master.lvs1 === TIMES_MASTER.lvs1 && master.lvs2 === TIMES_MASTER.lvs2,
        values: master,
      },
    ];
  },
};
