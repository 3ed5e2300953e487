import { describe, expect, it } from 'vitest';
import { seconds } from '../../../src/model/units.ts';
import { monotonicNow } from '../../../src/sys/clock.ts';
import {
  arbiterOf,
  type Director,
  held,
  LEASE,
  lastLease,
  leasesOf,
  setupOf,
  startDirector,
} from './director.ts';
import { type EtcdServer, etcdctl, startEtcd } from './etcd-server.ts';

const UNIT = 'web';
/** A lease that is far from its end whatever a busy machine does meanwhile: for what must not wait for that end. */
const LONG = { lease: seconds(5 * LEASE) };

async function pair(servers: readonly EtcdServer[], more = {}): Promise<[Director, Director]> {
  const arbiter = arbiterOf(servers, more);
  return Promise.all([startDirector(setupOf('lb1', arbiter)), startDirector(setupOf('lb2', arbiter))]);
}

describe('the arbiter', () => {
  it('gives a unit to one director alone, and names it to the other', async () => {
    const servers = await startEtcd();
    const [first, second] = await pair(servers);
    first.want(UNIT);
    const lease = await held(first, UNIT);
    expect(lease.heldUntil).toBeGreaterThan(lease.at);
    expect(lease.heldUntil).toBeLessThan(lease.at + LEASE * 1000);
    second.want(UNIT);
    second.want('mail');
    // Its part is played: the first keeps renewing while the second has had the time to try.
    await held(second, 'mail');
    await first.hear('lease', ({ heldUntil }) => (heldUntil ?? 0) > (lease.heldUntil ?? 0));
    const { units, reachable } = await second.status();
    expect(reachable).toBe(true);
    expect(units).toMatchObject([
      { unit: UNIT, state: 'waiting', holder: 'lb1' },
      { unit: 'mail', state: 'held', holder: 'lb2' },
    ]);
    expect(lastLease(second, UNIT)).toMatchObject({ contended: true });
    expect(lastLease(second, UNIT)?.heldUntil).toBeUndefined();
  });

  it('passes on at once what is given back', async () => {
    const servers = await startEtcd();
    const [first, second] = await pair(servers, LONG);
    first.want(UNIT);
    await held(first, UNIT);
    second.want(UNIT);
    await waiting(second);
    const from = monotonicNow();
    first.want(UNIT, false);
    const lease = await held(second, UNIT);
    expect(lastLease(first, UNIT)?.heldUntil).toBeUndefined();
    // Far from the lease's end, so it was given and not waited for.
    expect(lease.at - from).toBeLessThan(LONG.lease * 1000 * 0.5);
    first.want(UNIT);
    const back = held(first, UNIT, first.heard.length);
    await second.close();
    await back;
    expect(await etcdctl(servers[0]?.url ?? '', 'get', '--print-value-only', `/vipward/${UNIT}`)).toContain(
      '"director":"lb1"',
    );
  });

  it('passes a unit on after the death of its holder, when the lease has ended', async () => {
    const [first, second] = await pair(await startEtcd());
    first.want(UNIT);
    await held(first, UNIT);
    second.want(UNIT);
    await waiting(second);
    const from = monotonicNow();
    await first.kill();
    const lease = await held(second, UNIT);
    expect(lease.at).toBeGreaterThan(lastLease(first, UNIT)?.heldUntil ?? Infinity);
    // A second after the lease at most; the rest is for what else this machine does.
    expect(lease.at - from).toBeLessThan(LEASE * 1000 + 6000);
  });

  it('never has two: a holder that stood still had its time run out before another was given the unit', async () => {
    const [first, second] = await pair(await startEtcd());
    let [holder, other] = [first, second];
    holder.want(UNIT);
    await held(holder, UNIT);
    other.want(UNIT);
    for (let round = 1; round <= 8; round++) {
      await waiting(other);
      const seen = [holder.heard.length, other.heard.length] as const;
      // At a different point between two keep-alives each time.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
      holder.process.kill('SIGSTOP');
      const lease = await held(other, UNIT, seen[1]);
      // Its word is as old as the stop: it has had no time to hear that the lease is gone.
      const believed = lastLease(holder, UNIT)?.heldUntil;
      expect(believed, `round ${round}`).toBeDefined();
      expect(lease.at, `round ${round}`).toBeGreaterThan(believed ?? Infinity);
      holder.process.kill('SIGCONT');
      // Awake, it finds out, and is told nothing later than the end that it believed in.
      await holder.hear('lease', ({ heldUntil }) => heldUntil === undefined, seen[0]);
      const late = holder.heard
        .slice(seen[0])
        .filter((message) => message.type === 'lease')
        .filter(({ heldUntil }) => (heldUntil ?? 0) > lease.at);
      expect(late, `round ${round}`).toEqual([]);
      [holder, other] = [other, holder];
    }
  }, 120_000);

  it('takes up after a crash what its former process held, and nobody else does', async () => {
    const arbiter = arbiterOf(await startEtcd(), LONG);
    const before = await startDirector(setupOf('lb1', arbiter));
    before.want(UNIT);
    const last = await held(before, UNIT);
    const namesake = await startDirector({ ...setupOf('lb1', arbiter), identity: 'a clone' });
    namesake.want(UNIT);
    await waiting(namesake);
    await before.kill();
    const after = await startDirector(setupOf('lb1', arbiter));
    after.want(UNIT);
    const lease = await held(after, UNIT);
    // Before the lease could have ended, so that it was not simply free.
    expect(lease.at).toBeLessThan(lastLease(before, UNIT)?.heldUntil ?? 0);
    await after.hear('lease', ({ heldUntil }) => (heldUntil ?? 0) > (lease.heldUntil ?? 0));
    expect(leasesOf(namesake, UNIT).filter(({ heldUntil }) => heldUntil !== undefined)).toEqual([]);
    expect(last.heldUntil).toBeDefined();
  });

  it('takes up what it held under another name, since its identity is the same', async () => {
    const arbiter = arbiterOf(await startEtcd());
    const before = await startDirector(setupOf('lb1', arbiter));
    before.want(UNIT);
    const last = await held(before, UNIT);
    await before.kill();
    const renamed = await startDirector({ ...setupOf('lb9', arbiter), identity: 'identity of lb1' });
    renamed.want(UNIT);
    const lease = await held(renamed, UNIT);
    expect(lease.at).toBeGreaterThan(last.at);
    expect(leasesOf(renamed, UNIT).filter(({ contended }) => contended)).toEqual([]);
    expect((await renamed.status()).units).toMatchObject([{ unit: UNIT, state: 'held', holder: 'lb9' }]);
  });

  it('tells nothing new while etcd is away, and goes on when it is back', async () => {
    const servers = await startEtcd();
    const [server] = servers;
    // It asks in vain for longer than a busy machine lets etcd stand still of itself.
    const [first] = await pair(servers, LONG);
    first.want(UNIT);
    await held(first, UNIT);
    const before = first.heard.length;
    server?.signal('SIGSTOP');
    await first.hear('log', ({ message }) => message.includes('no endpoint of etcd answers'), before);
    const seen = first.heard.length;
    const status = await first.status();
    expect(status).toMatchObject({ reachable: false, error: expect.stringContaining('no answer within') });
    server?.signal('SIGCONT');
    const lease = await held(first, UNIT, seen);
    expect(lease.heldUntil).toBeGreaterThan(lease.at);
    expect((await first.status()).reachable).toBe(true);
    const told = first.heard
      .slice(before)
      .filter((said) => said.type === 'log' && said.message.includes('no endpoint'));
    expect(told).toHaveLength(1);
  });

  it('finds its lease in an etcd that was killed and started again', async () => {
    const servers = await startEtcd();
    const [first, second] = await pair(servers);
    first.want(UNIT);
    await held(first, UNIT);
    second.want(UNIT);
    await waiting(second);
    const seen = first.heard.length;
    await servers[0]?.restart();
    const lease = await Promise.race([held(first, UNIT, seen), held(second, UNIT)]);
    expect(lease.heldUntil).toBeGreaterThan(lease.at);
    const [one, two] = [lastLease(first, UNIT), lastLease(second, UNIT)];
    if (two?.heldUntil !== undefined) expect(two.at).toBeGreaterThan(one?.heldUntil ?? 0);
  });

  it('goes on with the rest of a cluster of three, whichever of its servers dies or stands still', async () => {
    const servers = await startEtcd(3);
    const [first, second] = await pair(servers);
    first.want(UNIT);
    await held(first, UNIT);
    second.want(UNIT);
    await waiting(second);
    for (const server of servers) {
      server.signal('SIGSTOP');
      const now = monotonicNow();
      // Somebody holds it for longer than a whole lease from now, so it was renewed without that server.
      const beyond = (director: Director) =>
        director.hear('lease', ({ heldUntil }) => (heldUntil ?? 0) > now + LEASE * 1000);
      await Promise.race([beyond(first), beyond(second)]);
      server.signal('SIGCONT');
    }
    await servers[0]?.kill();
    const now = monotonicNow();
    await Promise.race(
      [first, second].map((director) =>
        director.hear('lease', ({ heldUntil }) => (heldUntil ?? 0) > now + LEASE * 1000),
      ),
    );
    expect(overlaps(first, second)).toEqual([]);
  });
});

/** It has read that another has the unit, and watches. */
async function waiting(director: Director): Promise<void> {
  await expect
    .poll(async () => (await director.status()).units.find(({ unit }) => unit === UNIT)?.holder, {
      timeout: 60_000,
    })
    .toBeDefined();
}

/** Times at which both were told that the unit is theirs: each stretch from being told until `heldUntil`. */
function overlaps(first: Director, second: Director): readonly string[] {
  const stretches = (director: Director) =>
    director.heard
      .filter((message) => message.type === 'lease')
      .map((lease, index, all) => {
        const gone = all.slice(index + 1).find(({ heldUntil }) => heldUntil === undefined);
        return { from: lease.at as number, to: Math.min(lease.heldUntil ?? 0, gone?.at ?? Infinity) };
      });
  return stretches(first).flatMap((one) =>
    stretches(second)
      .filter((two) => one.from < two.to && two.from < one.to)
      .map((two) => `${JSON.stringify(one)} and ${JSON.stringify(two)}`),
  );
}
