/**
 * Another program that changes the very entries that are being changed. A reload first plans by the table as it was
 * left, so the kernel refuses what somebody has done since (by which error is told beside each): the table is read and
 * planned anew, nothing is lost, and nothing stays refused.
 */
import { expect, it } from 'vitest';
import { BOTH, config, FIRST, SECOND, type Stage, service, VIP, WEB, WEB_SAVED } from './table-stage.ts';
import { ask } from './traffic-tools.ts';

const WEB_AT = `-t ${VIP}:80`;
/** What a file asks for, and the table by it as `ipvsadm -Sn` has it. */
const TABLES = {
  web: { yaml: WEB, saved: WEB_SAVED },
  one: { yaml: config(service('web', 80, FIRST)), saved: WEB_SAVED.slice(0, 2) },
  heavier: {
    yaml: config(service('web', 80, `${FIRST}, { address: 10.1.1.3, weight: 5 }`)),
    saved: [...WEB_SAVED.slice(0, 2), `-a -t ${VIP}:80 -r 10.1.1.3:80 -g -w 5`],
  },
  more: {
    yaml: config(service('web', 80, BOTH), service('other', 81, SECOND)),
    saved: [...WEB_SAVED, `-A -t ${VIP}:81 -s wrr`, `-a -t ${VIP}:81 -r 10.1.1.3:81 -g -w 1`].sort(),
  },
} as const;
const { web, one, heavier, more } = TABLES;

/** What is there, what somebody then does, what is wanted; the kernel's answer to that, and what is found of it. */
const MEETINGS = [
  [
    'adds a real server that is to be added (EEXIST)',
    one,
    `-a ${WEB_AT} -r 10.1.1.3:80 -g -w 7`,
    web,
    'not ours: real server 10.1.1.3:80',
  ],
  [
    'removes a real server that is to be changed (ENOENT)',
    web,
    `-d ${WEB_AT} -r 10.1.1.3:80`,
    heavier,
    'missing: real server 10.1.1.3:80',
  ],
  [
    'removes a real server that is to be removed (ENOENT)',
    web,
    `-d ${WEB_AT} -r 10.1.1.3:80`,
    one,
    'missing: real server 10.1.1.3:80',
  ],
  [
    'adds a virtual server that is to be added (EEXIST)',
    web,
    `-A -t ${VIP}:81 -s lc`,
    more,
    'not ours: virtual server tcp 10.1.1.254:81',
  ],
  [
    'removes a virtual server that is to be removed (ESRCH)',
    more,
    `-D -t ${VIP}:81`,
    web,
    'missing: virtual server tcp 10.1.1.254:81',
  ],
  [
    'removes the virtual server of a real server that is to be changed (ESRCH)',
    web,
    `-D ${WEB_AT}`,
    heavier,
    'missing: virtual server tcp 10.1.1.254:80',
  ],
] as const;

export function rivalCases(stageOf: () => Stage): void {
  it.each(MEETINGS)('one who %s', async (_, before, command, wanted, found) => {
    const stage = stageOf();
    const { daemon } = stage;
    await stage.hangUp(before.yaml);
    const since = daemon.log.mark;
    await stage.hangUpAfter(wanted.yaml, command);
    // Found by then, and not only when the table is verified.
    expect(daemon.log.all.slice(since).flatMap((line) => line.found ?? [])).toContainEqual(
      expect.stringContaining(found),
    );
    expect(await stage.table()).toEqual(wanted.saved);
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
    for (const { yaml } of [more, one, heavier, more, web, more, one, heavier]) await stage.hangUp(yaml);
    process.killAll('SIGKILL');
    await process.exit;
    await stage.hangUp(more.yaml);
    expect(await stage.table()).toEqual(more.saved);
    const { processes, table } = await daemon.status();
    expect([processes, table.refused]).toEqual([before, []]);
    const { errors, bodies } = await ask(stage.client, `http://${VIP}/`, 6);
    expect([errors, bodies]).toEqual([[], { web1: expect.any(Number), web2: expect.any(Number) }]);
  });
}
