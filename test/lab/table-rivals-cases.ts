/**
 * Another program that changes the very entries that are being changed. A reload first plans by the table as it was
 * left, so the kernel refuses what somebody has done since (by which error is told beside each): the table is read and
 * planned anew, nothing is lost, and nothing stays refused.
 */
import { expect, it } from 'vitest';
import { BOTH, config, FIRST, SECOND, type Stage, service, VIP, WEB, WEB_SAVED } from './table-stage.ts';
import { ask } from './traffic-tools.ts';

const WEB_AT = `-t ${VIP}:80`;
const ONE = config(service('web', 80, FIRST));
const HEAVIER = config(service('web', 80, `${FIRST}, { address: 10.1.1.3, weight: 5 }`));
const TWO_SERVICES = config(service('web', 80, BOTH), service('other', 81, SECOND));

/** What is there, what somebody then does, what is wanted; the kernel's answer to that, and what is found of it. */
const MEETINGS = [
  [
    'adds a real server that is to be added (EEXIST)',
    ONE,
    `-a ${WEB_AT} -r 10.1.1.3:80 -g -w 7`,
    WEB,
    'not ours: real server 10.1.1.3:80',
  ],
  [
    'removes a real server that is to be changed (ENOENT)',
    WEB,
    `-d ${WEB_AT} -r 10.1.1.3:80`,
    HEAVIER,
    'missing: real server 10.1.1.3:80',
  ],
  [
    'removes a real server that is to be removed (ENOENT)',
    WEB,
    `-d ${WEB_AT} -r 10.1.1.3:80`,
    ONE,
    'missing: real server 10.1.1.3:80',
  ],
  [
    'adds a virtual server that is to be added (EEXIST)',
    WEB,
    `-A -t ${VIP}:81 -s lc`,
    TWO_SERVICES,
    'not ours: virtual server tcp 10.1.1.254:81',
  ],
  [
    'removes a virtual server that is to be removed (ESRCH)',
    TWO_SERVICES,
    `-D -t ${VIP}:81`,
    WEB,
    'missing: virtual server tcp 10.1.1.254:81',
  ],
  [
    'removes the virtual server of a real server that is to be changed (ESRCH)',
    WEB,
    `-D ${WEB_AT}`,
    HEAVIER,
    'missing: virtual server tcp 10.1.1.254:80',
  ],
] as const;

export function rivalCases(stageOf: () => Stage): void {
  it.each(MEETINGS)('one who %s', async (_, before, command, wanted, found) => {
    const stage = stageOf();
    const { director, daemon } = stage;
    await stage.hangUp(before);
    await daemon.configure(wanted);
    const since = daemon.log.mark;
    // Both in a moment, so that the daemon does not look at its table between the two.
    await director.run(`ipvsadm ${command} && kill -HUP ${daemon.process.pid}`);
    const drift = await daemon.said('the IPVS table was changed by somebody else', { since });
    expect(drift.found).toContainEqual(expect.stringContaining(found));
    await daemon.said('configuration reloaded', { since });
    const table = await stage.table();
    // What a daemon makes of the same file where nobody was.
    await stage.ipvsadm('-C');
    await stage.hangUp(wanted);
    expect(table).toEqual(await stage.table());
    expect((await daemon.status()).table.refused).toEqual([]);
  });

  it('one who does not stop: everything else goes on, and all is as it should be when he has', async () => {
    const stage = stageOf();
    const { director, daemon } = stage;
    const before = (await daemon.status()).processes;
    const rival = `while :; do
      ipvsadm -d ${WEB_AT} -r 10.1.1.3:80; ipvsadm -a ${WEB_AT} -r 10.1.1.3:80 -g -w 7
      ipvsadm -D -t ${VIP}:81; ipvsadm -A -t ${VIP}:81 -s lc
      echo round
    done 2>/dev/null`;
    const process = await director.spawn(['sh', '-c', rival]);
    await process.stdout.waitFor((line) => line === 'round');
    for (const yaml of [TWO_SERVICES, ONE, HEAVIER, TWO_SERVICES, WEB, TWO_SERVICES, ONE, HEAVIER])
      await stage.hangUp(yaml);
    process.killAll('SIGKILL');
    await process.exit;
    await stage.hangUp(TWO_SERVICES);
    expect(await stage.table()).toEqual(
      [...WEB_SAVED, `-A -t ${VIP}:81 -s wrr`, `-a -t ${VIP}:81 -r 10.1.1.3:81 -g -w 1`].sort(),
    );
    const { processes, table } = await daemon.status();
    expect([processes, table.refused]).toEqual([before, []]);
    const { errors, bodies } = await ask(stage.client, `http://${VIP}/`, 6);
    expect([errors, bodies]).toEqual([[], { web1: expect.any(Number), web2: expect.any(Number) }]);
  });
}
