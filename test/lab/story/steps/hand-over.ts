/** The VIP changes hands while both directors are well: clients should hardly notice. */
import { checkErrors, checkSplit, NEWS } from '../findings.ts';
import { probing } from '../probing.ts';
import { type Finding, time } from '../row.ts';
import type { Stage } from '../stage.ts';
import type { Step } from '../step.ts';
import { NEW_WEIGHTS } from './reload.ts';

/**
 * The aim is a few milliseconds; a busy machine may stand still for longer, and what is told of that is added. A director
 * that drops the VIP before the other has it costs 828 ms here (skewTime of the better one), one that is lost more than
 * six seconds.
 */
const HAND_OVER_LIMIT = 600;
/**
 * Whoever stands still for less than this, in ms, answers late, and loses nothing: what a director without the VIP was
 * asked is never answered.
 */
const ANSWER = 5_000;

interface HandOver {
  /** When it was ordered, and when the new director announced itself: ms since the epoch. */
  readonly begin: number;
  readonly announced: number;
}

export const comeback: Step = {
  title: '8 lvs1 returns',
  tale: `lvs1 boots again and its daemon starts. It checks the web servers, then takes the VIP back, since its priority
    is higher.`,
  async play(stage, tell) {
    await stage.lvs1.boot(NEW_WEIGHTS);
    tell('lvs1 has booted; its daemon starts');
    return await takeBack(stage, tell);
  },
};

export const cleanStop: Step = {
  title: '9 clean stop',
  tale: `The administrator stops the daemon on lvs1. It tells lvs2 so, and goes on answering until lvs2 has taken over:
    make before break.`,
  async play(stage, tell) {
    const { lvs1, lvs2 } = stage;
    const { result, unanswered } = await probing(stage, ANSWER, async () => {
      const mark = stage.wireMark;
      const begin = Date.now();
      const end = lvs1.stop();
      const { time: announced } = await stage.announcement(lvs2, mark);
      tell(`lvs2 has taken over after ${time(announced - begin)}`);
      return { begin, announced, code: (await end).code };
    });
    const ended: Finding = {
      expected: 'the daemon ends with exit code 0, and has left the VIP to lvs2',
      seen: `exit code ${result.code}, VIP ${(await lvs1.holdsVip()) ? 'still on lvs1' : 'no more on lvs1'}`,
      measured: '',
      ok: result.code === 0 && !(await lvs1.holdsVip()) && (await lvs2.holdsVip()),
      values: {},
    };
    return [ended, ...(await unharmed(stage, result, unanswered))];
  },
};

export const restart: Step = {
  title: '10 restart',
  tale: `The daemon on lvs1 is started again. It finds the table that it left in the kernel, keeps what fits, and takes
    the VIP back.`,
  async play(stage, tell) {
    const { lvs1 } = stage;
    const [table, counted] = [await lvs1.table(), await lvs1.connectionCounts()];
    const findings = await takeBack(stage, tell);
    const after = await lvs1.connectionCounts();
    const anew = [...counted].filter(([entry, count]) => (after.get(entry) ?? 0) < count);
    const adopted = (await lvs1.table()) === table && anew.length === 0;
    return [
      {
        expected: 'the table that was there is adopted: the same entries, counters go on',
        seen: adopted ? 'the same, nothing began anew' : `${anew.length} counters began anew`,
        measured: '',
        ok: adopted && counted.size === 3,
        values: {},
      },
      ...findings,
    ];
  },
};

/** The daemon of lvs1 starts while lvs2 serves, and preempts. */
async function takeBack(stage: Stage, tell: (line: string) => void): Promise<readonly Finding[]> {
  const { lvs1, lvs2 } = stage;
  const [wire, backup] = [stage.wireMark, lvs2.log.mark];
  const { result, unanswered } = await probing(stage, ANSWER, async () => {
    const begin = Date.now();
    await lvs1.start();
    const { time: announced } = await stage.announcement(lvs1, wire);
    await lvs2.becomes('BACKUP', backup);
    return { begin, announced };
  });
  tell(`lvs1 has the VIP again, ${time(result.announced - result.begin)} after its daemon was started`);
  return await unharmed(stage, result, unanswered);
}

/**
 * Directors do not know each other's connections: one that is open at the very instant of the hand-over is cut. All
 * others must be served, and by a real server.
 */
async function unharmed(
  stage: Stage,
  { begin, announced }: HandOver,
  unanswered: number,
): Promise<readonly Finding[]> {
  stage.traffic.allowErrors(announced - NEWS, announced + NEWS);
  const split = await checkSplit(stage, NEW_WEIGHTS);
  const requests = await stage.traffic.sent(begin);
  const stood = stage.lvs1.stoodStill(begin) + stage.lvs2.stoodStill(begin);
  const pages = requests.filter(({ body }) => body?.startsWith('sorry')).length;
  return [
    {
      expected: `the VIP goes unanswered for less than ${time(HAND_OVER_LIMIT)}`,
      seen: `a probe each millisecond went unanswered for ${time(unanswered)}${stood > 0 ? `, and a director stood still for ${time(stood)}` : ''}`,
      measured: `gratuitous ARP ${time(announced - begin)} after the command`,
      ok: unanswered < HAND_OVER_LIMIT + stood,
      values: { unanswered, commandToAnnouncement: announced - begin },
    },
    {
      expected: 'no request gets the sorry page',
      seen: pages === 0 ? 'none' : `${pages} did`,
      measured: '',
      ok: pages === 0,
      values: { pages },
    },
    split,
    await checkErrors(stage, begin, 'no error but on connections open at that instant'),
  ];
}
