import { PATIENCE, WEIGHTS } from '../configuration.ts';
import { checkSplit } from '../findings.ts';
import { type Finding, time } from '../row.ts';
import type { Stage } from '../stage.ts';
import type { Step } from '../step.ts';
import { Traffic } from '../traffic.ts';

export const start: Step = {
  title: '1 start',
  tale: `Two directors start. They share one virtual address (VIP), 10.1.1.254, which is all that clients know. By VRRP
    they agree on who holds it: lvs1, since its priority is higher. Each checks the two web servers and enters them in
    its kernel's table (IPVS), which passes a client's connections on, two to web1 for each to web2.`,
  async play(stage, tell) {
    const { lvs1, lvs2 } = stage;
    const begin = Date.now();
    await Promise.all([lvs1.start(), lvs2.start()]);
    await lvs1.becomes('MASTER');
    const took = Date.now() - begin;
    tell(`lvs1 is MASTER after ${time(took)}`);
    // On a machine that is slow to start lvs1, lvs2 may have been first.
    await lvs2.settles('BACKUP');
    await bothChecked(stage);
    const election = await heldByOne(stage, took);
    stage.traffic = await Traffic.start(stage.client);
    tell('the client begins to ask the VIP for a page, 30 times a second, and goes on until the end');
    return [election, await checkSplit(stage, WEIGHTS)];
  },
};

/** A real server takes traffic only after its first good check; the sorry server has left by then. */
async function bothChecked({ lvs1, lvs2, web1, web2 }: Stage): Promise<void> {
  await Promise.all(
    [lvs1, lvs2].flatMap((director) => [web1, web2].map(({ address }) => director.tableHas('add', address))),
  );
}

async function heldByOne({ lvs1, lvs2 }: Stage, took: number): Promise<Finding> {
  const holders = { lvs1: await lvs1.holdsVip(), lvs2: await lvs2.holdsVip() };
  const holding = Object.entries(holders).flatMap(([name, holds]) => (holds ? [name] : []));
  return {
    expected: 'lvs1 (priority 150) becomes MASTER and alone holds the VIP',
    seen: `VIP held by ${holding.join(' and ') || 'nobody'}`,
    measured: `MASTER ${time(took)} after the start`,
    ok: holders.lvs1 && !holders.lvs2 && took < PATIENCE,
    values: { startToMaster: took },
  };
}
