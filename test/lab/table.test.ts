/** The kernel's table at the start of the daemon: what was there before is taken over, and outlives a restart. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from './support/event-log.ts';
import type { LabProcess } from './support/process.ts';
import { BOTH, config, FIRST, Stage, service, VIP, WEB, WEB_SAVED } from './table-stage.ts';
import { ask } from './traffic-tools.ts';

let stage: Stage;
/** Each test has directories of its own. */
let count = 0;
const start = (yaml: string) => stage.start(yaml, `vipward${count}`);

beforeAll(async () => {
  stage = await Stage.create();
});
afterAll(() => stage?.lab.close());
beforeEach(async () => {
  count++;
  await stage.ipvsadm('-C');
});
afterEach(() => stage.stop());

/** A download without end; resolves `more` when that many bytes have come since it was asked. */
async function startDownload(): Promise<{ process: LabProcess; more(bytes: number): Promise<unknown> }> {
  const process = await stage.client.spawn(['curl', '-sSN', '--limit-rate', '16M', `http://${VIP}/`], {
    lines: false,
  });
  const totals = new EventLog<number>();
  let total = 0;
  process.onData('stdout', (bytes) => {
    total += bytes.length;
    totals.push(total);
  });
  void process.exit.then(({ code }) => totals.end(`curl ended with ${code}`));
  const more = (bytes: number): Promise<unknown> => {
    const from = total;
    return totals.waitFor((now) => now >= from + bytes, { what: `${bytes} more bytes of the download` });
  };
  return { process, more };
}
/** Beyond what any buffer on the way holds, so that acknowledgements must have passed the director. */
const MUCH = 16 * 1024 * 1024;

describe('a table that is there before the start', () => {
  it('is taken over: what fits keeps its counters, what differs is corrected, what is foreign is left', async () => {
    await stage.director.run(`ip address add ${VIP}/24 dev eth0`);
    await stage.ipvsadm(
      `-A -t ${VIP}:80 -s wrr`,
      `-a -t ${VIP}:80 -r 10.1.1.2:80 -g -w 2`,
      `-a -t ${VIP}:80 -r 10.1.1.3:80 -g -w 5`,
      `-a -t ${VIP}:80 -r 10.1.1.9:80 -g -w 0`,
      `-A -t ${VIP}:9999 -s lc`,
      '-A -f 7 -s rr',
      '-a -f 7 -r 10.1.1.3 -g -w 3',
    );
    const { results } = await ask(stage.client, `http://${VIP}/`, 14);
    await stage.director.run(`ip address delete ${VIP}/24 dev eth0`);
    const before = await stage.countedTo(results.length);
    await start(WEB);
    expect(await stage.table()).toEqual(
      [...WEB_SAVED, `-A -t ${VIP}:9999 -s lc`, '-A -f 7 -s rr', '-a -f 7 -r 10.1.1.3:0 -g -w 3'].sort(),
    );
    const after = await stage.counted();
    expect(after).toMatchObject({
      '10.1.1.2:80': before['10.1.1.2:80'],
      '10.1.1.3:80': before['10.1.1.3:80'],
    });
    const { foreign, repairs, refused } = (await stage.daemon.status()).table;
    expect({ foreign: [...foreign].sort(), repairs, refused }).toEqual({
      foreign: ['fwmark 7 ipv4', `tcp ${VIP}:9999`],
      repairs: 0,
      refused: [],
    });
    expect((await stage.daemon.command('status')).stdout).toMatch(
      /not ours and left alone:\n(?: {4}\S.*\n)* {4}fwmark 7 ipv4/,
    );
  });

  it('is cleared of everything else where the table is ours alone', async () => {
    await stage.ipvsadm(`-A -t ${VIP}:9999 -s lc`, '-A -f 7 -s rr');
    await start(`ipvs: { exclusive: true }\n${WEB}`);
    expect(await stage.table()).toEqual(WEB_SAVED);
    expect((await stage.daemon.status()).table.foreign).toEqual([]);
  });
});

describe('a restart', () => {
  it('keeps the table; a download goes on across it, and across a reload', async () => {
    await start(WEB);
    await stage.holdsVip();
    for (const server of stage.servers) await server.change('endless');
    const download = await startDownload();
    await download.more(MUCH);
    const before = await stage.countedTo(1);
    await stage.stop();
    expect(await stage.table()).toEqual(WEB_SAVED);
    await start(WEB);
    await stage.holdsVip();
    expect(await stage.table()).toEqual(WEB_SAVED);
    expect(await stage.counted()).toMatchObject(before);
    await download.more(MUCH);
    await stage.reload(config(service('web', 80, `${FIRST}, { address: 10.1.1.3, weight: 7 }`)));
    await download.more(MUCH);
    expect(download.process.ended).toBeUndefined();
    download.process.kill('SIGTERM');
    await download.process.exit;
    for (const server of stage.servers) await server.change('serve');
  });

  it('removes what left the file meanwhile, and only that', async () => {
    await start(config(service('web', 80, BOTH), service('old', 81, FIRST)));
    await stage.stop();
    await stage.ipvsadm(`-A -t ${VIP}:9999 -s lc`);
    expect(await stage.table()).toContain(`-A -t ${VIP}:81 -s wrr`);
    await start(WEB);
    expect(await stage.table()).toEqual([...WEB_SAVED, `-A -t ${VIP}:9999 -s lc`].sort());
  });
});
