/** The active director is lost without a word. */
import { activeDownInterval, MARGIN } from '../configuration.ts';
import { checkErrors, checkSplit, NEWS } from '../findings.ts';
import { probing } from '../probing.ts';
import { type Finding, time } from '../row.ts';
import type { Stage } from '../stage.ts';
import type { Step } from '../step.ts';
import { NEW_WEIGHTS } from './reload.ts';

/** A take-over this much before its time is a wrong one, not a matter of clocks, in ms. */
const EARLY = 100;

/** A request that is not answered for so long, in ms, went to the machine that is lost. */
const ANSWER = 1_000;

interface TakeOver {
  /** When the machine was lost, and when the other announced itself: ms since the epoch. */
  readonly at: number;
  readonly announced: number;
}

export const loss: Step = {
  title: '7 lvs1 is lost',
  tale: `The machine lvs1 dies this instant, kernel and all. lvs2 misses three adverts and a bit, takes the VIP over, and
    tells the network by gratuitous ARP. Clients are without answers until then.`,
  async play(stage, tell) {
    const { lvs1, lvs2, traffic } = stage;
    const killed = Date.now();
    const { result: taken, unanswered } = await probing(stage, ANSWER, async (probe) => {
      const mark = stage.wireMark;
      const at = Date.now();
      lvs1.kernel.kill();
      const announced = await stage.announcement(lvs2, mark);
      traffic.allowErrors(at, announced.time + NEWS);
      tell(`lvs2 has taken over after ${time(announced.time - at)}`);
      await probe.events.waitFor((event) => event.kind === 'gap' && event.to >= announced.time - NEWS);
      return { announced: announced.time, at };
    });
    return [
      takeOver(stage, taken, unanswered),
      await checkErrors(stage, killed, 'errors only in the time until the take-over'),
      await checkSplit(stage, NEW_WEIGHTS),
    ];
  },
};

function takeOver(stage: Stage, { announced, at }: TakeOver, unanswered: number): Finding {
  const theory = activeDownInterval(stage.lvs2.priority);
  const lastAdvert = stage.lastAdvert(stage.lvs1, at)?.time ?? Number.NaN;
  const waited = announced - lastAdvert;
  return {
    expected: `lvs2 answers for the VIP ${time(theory)} after the last advert (3 intervals and skew; + ${time(MARGIN)})`,
    seen: `gratuitous ARP of lvs2 ${time(waited)} after it`,
    measured: `${time(announced - at)} after the loss; client without answer for ${time(unanswered)}`,
    ok: waited > theory - EARLY && waited < theory + MARGIN && unanswered < theory + MARGIN,
    values: { lastAdvertToAnnouncement: waited, theory, lossToAnnouncement: announced - at, unanswered },
  };
}
