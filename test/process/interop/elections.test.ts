/**
 * Many virtual routers at once, each set up in its own way on both sides, through everything that a pair goes through:
 * the right one wins each time, the other steps down, nobody wavers, and neither refuses a single advert.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, type LogLine, startDaemon } from '../../lab/support/daemon.ts';
import { type Observer, observe } from '../../lab/support/tools.ts';
import { CASES, type Case, nameOf, ourFile, SLOWEST, theirInstances, vipsOf } from './cases.ts';
import { Keepalived } from './keepalived.ts';
import { Holdings, heldBy, longestOverlap, makePair, type Pair, refusalsOf, troublesOf } from './pair.ts';

/** Ms: three adverts of the slowest and the skew; nobody holds on to an address for longer without hearing why. */
const WINDOW = 4_000;

let pair: Pair;
let wire: Observer;
let ours: Daemon;
let theirs: Keepalived;
let held: { readonly ours: Holdings; readonly theirs: Holdings };
/** When the present stage began. */
let began = 0;

beforeAll(async () => {
  pair = await makePair();
  const [lan] = pair.lans;
  if (lan === undefined) throw new Error('unreachable: a pair has a switch');
  wire = await observe(lan);
  held = { ours: await Holdings.watch(pair.ours), theirs: await Holdings.watch(pair.theirs) };
});
afterAll(() => pair?.lab.close());

const startOurs = async (): Promise<void> => {
  began = Date.now();
  ours = await startDaemon(pair.ours, ourFile);
};
const startTheirs = async (): Promise<void> => {
  began = Date.now();
  theirs = await Keepalived.start(pair.theirs, theirInstances);
};

type Active = (each: Case) => 'ours' | 'theirs';
const afterTheirs: Active = ({ oursWins }) => (oursWins.afterTheirs ? 'ours' : 'theirs');
const beforeTheirs: Active = ({ oursWins }) => (oursWins.beforeTheirs ? 'ours' : 'theirs');

/** Our log is new with each start of the daemon; so is theirs. */
const oursBecome = (which: Active, word: 'MASTER' | 'BACKUP'): Promise<unknown> =>
  Promise.all(
    CASES.filter((each) => (which(each) === 'ours') === (word === 'MASTER')).map((each) =>
      ours.said(`virtual router ${nameOf(each)}: ${word}`),
    ),
  );
const theirsBecome = (which: Active, word: 'MASTER' | 'BACKUP', since = 0): Promise<unknown> =>
  Promise.all(
    CASES.filter((each) => (which(each) === 'theirs') === (word === 'MASTER')).map((each) =>
      theirs.becomes(nameOf(each), word, since),
    ),
  );

/** Until the slowest virtual router's active has sent twice more: whoever wanted to object has. */
async function settle(): Promise<void> {
  for (let n = 0; n < 2; n++) {
    await wire.events.waitFor((seen) => seen.kind === 'vrrp' && seen.vrid === SLOWEST, {
      since: wire.events.mark,
    });
  }
}

/** Every address is on one node, the right one, and was on both for no longer than the protocol needs. */
async function expectOwners(which: Active): Promise<void> {
  const [here, there] = await Promise.all([heldBy(pair.ours), heldBy(pair.theirs)]);
  await Promise.all([held.ours.sync(), held.theirs.sync()]);
  const addresses = CASES.flatMap((each) => vipsOf(each).map((address) => ({ each, address })));
  const owners = addresses.map(({ each, address }) => {
    const nodes = [here.has(address) ? 'ours' : '', there.has(address) ? 'theirs' : ''].filter(Boolean);
    return `${nameOf(each)} ${address}: ${nodes.join(' and ')}`;
  });
  expect(owners).toEqual(addresses.map(({ each, address }) => `${nameOf(each)} ${address}: ${which(each)}`));
  const long = addresses.filter(
    ({ address }) => longestOverlap(address, held.ours, held.theirs, began) > WINDOW,
  );
  expect(long.map(({ address }) => address)).toEqual([]);
}

/** Neither counts an advert of the other as wrong. */
async function expectNoRefusals(): Promise<void> {
  const { virtualRouters } = await ours.status();
  expect(virtualRouters.flatMap(refusalsOf)).toEqual([]);
  expect(await theirs.refusals()).toEqual([]);
  const complaints = theirs.process.output.all.filter((line) => COMPLAINT.test(line) && !HARMLESS.test(line));
  expect(complaints).toEqual([]);
}

const COMPLAINT = /invalid|bogus|mismatch|ignor|incorrect|expected|discard|unknown/i;
/** What keepalived says of whom it preempts. */
const HARMLESS = /received lower priority .* discarding/;

/** Ms by which a notice of the kernel, or a line of the log, may be late on a machine that stands still. */
const LATE = 5_000;
/** That keepalived answers for an address which it has still: on a busy machine it gives way late. */
function isOfOneThatGivesWay({ message, time }: LogLine): boolean {
  const [, address] = / (\S+) is answered by 02:00:00:00:01:11 too/.exec(message) ?? [];
  const at = Date.parse(time);
  const spans = address === undefined ? [] : held.theirs.spans(address);
  return spans.some(({ from, to = Infinity }) => from - LATE <= at && at <= to + LATE);
}

/** Nothing is wrong with such a peer. */
const expectNoComplaints = (): void => expect(troublesOf(ours, isOfOneThatGivesWay)).toEqual([]);

/** How often each was active, of ours: nobody wavers. */
async function expectNoFlaps(which: Active): Promise<void> {
  const { virtualRouters } = await ours.status();
  const times = virtualRouters.map(({ name, counters }) => `${name}: ${counters.becameActive}`);
  expect(times).toEqual(CASES.map((each) => `${nameOf(each)}: ${which(each) === 'ours' ? 1 : 0}`));
}

describe('vipward and keepalived, one stage after the other', () => {
  it('takes over from keepalived where it is the better one, and only there', async () => {
    await startTheirs();
    await theirsBecome(() => 'theirs', 'MASTER');
    const since = theirs.mark;
    await startOurs();
    await Promise.all([
      oursBecome(afterTheirs, 'MASTER'),
      oursBecome(() => 'theirs', 'BACKUP'),
      theirsBecome(afterTheirs, 'BACKUP', since),
    ]);
    await settle();
    await expectOwners(afterTheirs);
    await expectNoRefusals();
    expectNoComplaints();
    await expectNoFlaps(afterTheirs);
  });

  it('takes everything when keepalived is killed', async () => {
    await theirs.kill();
    await oursBecome(() => 'ours', 'MASTER');
    const missing = async () => {
      const here = await heldBy(pair.ours);
      return CASES.flatMap(vipsOf).filter((address) => !here.has(address));
    };
    await expect.poll(missing).toEqual([]);
  });

  it("gives back what is keepalived's when that returns", async () => {
    const since = ours.log.mark;
    await startTheirs();
    const losers = CASES.filter((each) => beforeTheirs(each) === 'theirs');
    await Promise.all(losers.map((each) => ours.said(`virtual router ${nameOf(each)}: BACKUP`, { since })));
    await theirsBecome(beforeTheirs, 'MASTER');
    await settle();
    await expectOwners(beforeTheirs);
    await expectNoRefusals();
    await expectNoFlaps(() => 'ours');
    const kept = CASES.filter((each) => beforeTheirs(each) === 'ours');
    expect(kept.flatMap((each) => theirs.states(nameOf(each)))).toEqual(kept.map(() => 'BACKUP'));
  });

  it('hands everything over when it stops', async () => {
    began = Date.now();
    expect(await ours.stop()).toEqual({ code: 0 });
    await theirsBecome(() => 'theirs', 'MASTER');
    await settle();
    await expectOwners(() => 'theirs');
    expect(await theirs.refusals()).toEqual([]);
    expect(CASES.filter((each) => theirs.states(nameOf(each)).length !== 2).map(nameOf)).toEqual([]);
  });

  it('is there again, and leaves everything to keepalived when all its processes are killed', async () => {
    const since = theirs.mark;
    await startOurs();
    await Promise.all([oursBecome(afterTheirs, 'MASTER'), theirsBecome(afterTheirs, 'BACKUP', since)]);
    await settle();
    await expectOwners(afterTheirs);
    await expectNoRefusals();
    expectNoComplaints();
    const mark = theirs.mark;
    const gone = CASES.filter((each) => afterTheirs(each) === 'ours');
    await ours.crash();
    await Promise.all(gone.map((each) => theirs.becomes(nameOf(each), 'MASTER', mark)));
    // The leases end by themselves; settle() is longer than the longest.
    for (let n = 0; n < 3; n++) await settle();
    began = Date.now();
    await expectOwners(() => 'theirs');
  });

  it('takes everything when keepalived stops', async () => {
    await startOurs();
    await Promise.all([oursBecome(afterTheirs, 'MASTER'), oursBecome(() => 'theirs', 'BACKUP')]);
    await settle();
    await theirs.stop();
    await oursBecome(() => 'ours', 'MASTER');
    await settle();
    await expectOwners(() => 'ours');
    const { virtualRouters } = await ours.status();
    expect(virtualRouters.flatMap(refusalsOf)).toEqual([]);
    await expectNoFlaps(() => 'ours');
  });
});
