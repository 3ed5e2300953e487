/** Both real servers fail: the sorry server stands in. */
import { CHECK_INTERVAL, MARGIN } from '../configuration.ts';
import { checkErrors } from '../findings.ts';
import { holdConnection } from '../held.ts';
import { type Finding, time } from '../row.ts';
import type { Stage } from '../stage.ts';
import type { Step } from '../step.ts';

export const sorry: Step = {
  title: '4 both dead',
  tale: `Both web servers are shut down. When the checks have found out, the client gets the sorry page of lvs1 itself
    instead of errors. When the first web server is back, the sorry server leaves gracefully: no request is lost.`,
  async play(stage, tell) {
    const begin = Date.now();
    const away = await allFail(stage);
    tell(`the client reads "${stage.lvs1.sorryPage}"`);
    const back = Date.now();
    const home = await oneReturns(stage);
    tell('the sorry server has left');
    await bothServe(stage);
    return [
      away,
      await checkErrors(stage, begin, 'errors until the sorry server takes over, none at the switch', back),
      ...home,
      await checkErrors(stage, back, 'the client sees no error on the way back'),
    ];
  },
};

async function allFail({ lvs1, traffic, web1, web2 }: Stage): Promise<Finding> {
  const mark = lvs1.log.mark;
  const failed = Date.now();
  await Promise.all([web1.server.change('refuse'), web2.server.change('refuse')]);
  const removals = await Promise.all([
    lvs1.tableHas('remove', web1.address, mark),
    lvs1.tableHas('remove', web2.address, mark),
  ]);
  const switched = Math.max(...removals.map(({ arrived }) => arrived));
  traffic.allowErrors(failed, switched);
  const page = await traffic.answered(lvs1.sorryPage, failed);
  const took = switched - failed;
  return {
    expected: `the sorry page of lvs1, within ${time(CHECK_INTERVAL)} (+ ${time(MARGIN)})`,
    seen: `"${page.body}"`,
    measured: `after ${time(took)}`,
    ok: took <= CHECK_INTERVAL + MARGIN,
    values: { failureToSorry: took },
  };
}

/** A visitor who came to the sorry server before is served by it to the end, while all others go to web1. */
async function oneReturns(stage: Stage): Promise<readonly Finding[]> {
  const { lvs1, traffic, web1 } = stage;
  const visitor = await holdConnection(stage);
  const mark = lvs1.log.mark;
  const recovered = Date.now();
  await web1.server.change('serve');
  const { arrived: added } = await lvs1.tableHas('add', web1.address, mark);
  await traffic.answered(web1.name, recovered);
  const answer = await visitor.ask();
  const { arrived: left } = await lvs1.tableHas('remove', '127.0.0.1', mark);
  const after = await traffic.sent(added, left);
  const elsewhere = after.filter(({ body }) => body !== web1.name).length;
  const took = added - recovered;
  return [
    {
      expected: 'web1 comes back; from then on all new requests go to it',
      seen: elsewhere === 0 ? 'web1 alone answers' : `${elsewhere} of ${after.length} not from web1`,
      measured: `web1 after ${time(took)}`,
      ok: elsewhere === 0 && took <= CHECK_INTERVAL + MARGIN,
      values: { recoveryToReturn: took },
    },
    {
      expected: 'a connection that was open to the sorry server is served to its end; then it leaves',
      seen: answer === '' ? 'the connection was cut' : `it was answered "${answer}"`,
      measured: `sorry server out ${time(left - added)} after web1 came`,
      ok: answer === lvs1.sorryPage,
      values: { drain: left - added },
    },
  ];
}

async function bothServe({ lvs1, traffic, web2 }: Stage): Promise<void> {
  const mark = lvs1.log.mark;
  await web2.server.change('serve');
  await lvs1.tableHas('add', web2.address, mark);
  await traffic.answered(web2.name, Date.now());
}
