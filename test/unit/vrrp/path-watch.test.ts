import { beforeEach, describe, expect, it } from 'vitest';
import { type Instant, instant, milliseconds } from '../../../src/model/units.ts';
import { PathWatch } from '../../../src/vrrp/process/path-watch.ts';
import type { InstancePath } from '../../../src/vrrp/process/paths.ts';

const way = (name: string): InstancePath => ({
  interface: name,
  transport: 'multicast',
  peers: [],
  source: undefined,
  port: 0,
});
const [ETH0, ETH1] = [way('eth0'), way('eth1')];
const PATHS = [ETH0, ETH1];
const EPOCH = 1_795_219_200_000;

let watch: PathWatch;
const obstacles = new Map<string, string>();
/** `eth0 heard 0`: since how many seconds after the epoch. */
function at(now: number, speaks = false, paths = PATHS): readonly string[] {
  const facts = {
    ...{ now: instant(now * 1000), date: EPOCH + now * 1000, speaks, patience: milliseconds(3600) },
    obstacleOf: (path: InstancePath) => obstacles.get(path.interface),
  };
  return watch
    .status(paths, facts)
    .map(
      ({ interface: name, state, since, reason }) =>
        `${name} ${state} ${(since - EPOCH) / 1000}${reason === undefined ? '' : `: ${reason}`}`,
    );
}
const heard = (path: InstancePath, now: number): void => watch.heard(path, instant(now * 1000) as Instant);

beforeEach(() => {
  obstacles.clear();
  watch = new PathWatch();
  watch.configure(PATHS, instant(0));
});

describe('a path of a backup', () => {
  it('is heard, then silent since the last message, then heard again', () => {
    heard(ETH0, 10);
    heard(ETH1, 10);
    expect(at(11)).toEqual(['eth0 heard 11', 'eth1 heard 11']);
    heard(ETH0, 19);
    expect(at(20)).toEqual(['eth0 heard 11', 'eth1 silent 10']);
    expect(at(22)).toEqual(['eth0 heard 11', 'eth1 silent 10']);
    heard(ETH0, 30);
    heard(ETH1, 30);
    expect(at(31)).toEqual(['eth0 heard 11', 'eth1 heard 31']);
  });

  it('that nothing ever came by is silent since it is listened to', () => {
    heard(ETH0, 100);
    expect(at(100)).toEqual(['eth0 heard 100', 'eth1 silent 0']);
  });

  it('is down while nothing can be sent, since that was seen', () => {
    obstacles.set('eth1', 'interface eth1 does not exist');
    heard(ETH0, 5);
    expect(at(6)[1]).toBe('eth1 down 6: interface eth1 does not exist');
    expect(at(8)[1]).toBe('eth1 down 6: interface eth1 does not exist');
    obstacles.clear();
    expect(at(9)[1]).toBe('eth1 silent 0');
  });

  it('is remembered over a new configuration, unless it is not in that', () => {
    heard(ETH0, 10);
    heard(ETH1, 10);
    watch.configure([way('eth1')], instant(20_000));
    watch.configure([way('eth0'), way('eth1')], instant(30_000));
    expect(at(40)).toEqual(['eth0 silent 30', 'eth1 silent 10']);
  });
});

describe('a path of the active router', () => {
  it('need not be heard', () => {
    expect(at(60, true)).toEqual(['eth0 sending 60', 'eth1 sending 60']);
  });

  it('is silent where the others are answered', () => {
    heard(ETH0, 60);
    expect(at(61, true)).toEqual(['eth0 heard 61', 'eth1 silent 0']);
  });
});
