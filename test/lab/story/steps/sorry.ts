/** Both real servers fail: the sorry server stands in. */
import { CHECK_INTERVAL, MARGIN } from '../configuration.ts';
import { checkErrors } from '../findings.ts';
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
      home,
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

async function oneReturns({ lvs1, traffic, web1 }: Stage): Promise<Finding> {
  const mark = lvs1.log.mark;
  const recovered = Date.now();
  await web1.server.change('serve');
  const added = await lvs1.tableHas('add', web1.address, mark);
  await traffic.answered(web1.name, recovered);
  const left = await lvs1.tableHas('remove', '127.0.0.1', mark);
  const took = added.arrived - recovered;
  const after = await traffic.sent(added.arrived);
  const sorryAgain = after.filter(({ body }) => body !== web1.name).length;
  return {
    expected: 'web1 comes back; from then on all new requests go to it; the sorry server leaves',
    seen: sorryAgain === 0 ? 'web1 alone answers' : `${sorryAgain} of ${after.length} not from web1`,
    measured: `web1 after ${time(took)}, sorry server out ${time(left.arrived - added.arrived)} later`,
    ok: sorryAgain === 0 && took <= CHECK_INTERVAL + MARGIN,
    values: { recoveryToReturn: took, drain: left.arrived - added.arrived },
  };
}

async function bothServe({ lvs1, traffic, web2 }: Stage): Promise<void> {
  const mark = lvs1.log.mark;
  await web2.server.change('serve');
  await lvs1.tableHas('add', web2.address, mark);
  await traffic.answered(web2.name, Date.now());
}
