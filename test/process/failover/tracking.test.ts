/** What is tracked on one director, and how the other takes over when it is lost: each thing on its own virtual router. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamespaceNode } from '../../lab/support/network.ts';
import type { LabProcess } from '../../lab/support/process.ts';
import { advertsOf, becomes, createStage, type Pair, routerOf, type Stage, startPair } from './stage.ts';

/** A command line that nobody else on this machine has. */
const SLEEP = `${100_000 + process.pid}.25`;

let stage: Stage;
let pair: Pair;
let gateway: NamespaceNode;
let tracked: LabProcess;

const fileOf = (name: string): string => `${stage.one.scratch}/${name}`;

/** The tracked things are all on `one`. */
function yaml(priority: number, director: 'one' | 'two'): string {
  const router = (name: string, vrid: number, track: string) => `
  ${name}:
    interface: eth0
    vrid: ${vrid}
    priority: ${priority}
    advert_interval: 100ms
    addresses: [10.1.1.${200 + vrid}/24]${director === 'one' ? `\n    track: ${track}` : ''}`;
  return `
virtual_routers:${router('weighed-script', 1, '{ scripts: [{ name: weighed, weight: -60 }] }')}${router(
    'script',
    2,
    '{ scripts: [plain] }',
  )}${router('interface', 3, '{ interfaces: [{ name: eth1, weight: -60 }] }')}${router(
    'file',
    4,
    '{ files: [{ name: maintenance, weight: 1 }] }',
  )}${router('process', 5, '{ processes: [sleeper] }')}${router('gateway', 6, '{ gateways: [router] }')}
track:
  scripts:
    weighed: { command: [/usr/bin/test, -e, ${fileOf('weighed')}], interval: 200ms }
    plain: { command: [/usr/bin/test, -e, ${fileOf('plain')}], interval: 200ms }
  files:
    maintenance: { path: ${fileOf('maintenance')} }
  processes:
    sleeper: { process: sleep, arguments: ["${SLEEP}"], interval: 200ms }
  gateways:
    router: { interface: eth0, address: 10.1.1.9, interval: 200ms, fall: 2 }
`;
}

const startSleeper = async (): Promise<LabProcess> => await stage.one.spawn(['sleep', SLEEP]);

beforeAll(async () => {
  stage = await createStage();
  const { lab, lan, one } = stage;
  gateway = await lab.addHost('gateway', { ports: [{ on: lan, addresses: ['10.1.1.9/24'] }] });
  await one.run(['touch', fileOf('weighed'), fileOf('plain')]);
  await one.writeFile(fileOf('maintenance'), '0\n');
  tracked = await startSleeper();
  pair = await startPair(stage, yaml);
});
afterAll(() => stage?.lab.close());

interface Case {
  readonly name: string;
  readonly vrid: number;
  readonly lose: () => Promise<unknown>;
  readonly regain: () => Promise<unknown>;
  /** The priority that is advertised meanwhile; undefined: it is a fault. */
  readonly priority?: number;
  readonly because: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'weighed-script',
    vrid: 1,
    lose: () => stage.one.run(['rm', fileOf('weighed')]),
    regain: () => stage.one.run(['touch', fileOf('weighed')]),
    priority: 90,
    because: /own priority 90 \(base 150, tracked -60\)/,
  },
  {
    name: 'script',
    vrid: 2,
    lose: () => stage.one.run(['rm', fileOf('plain')]),
    regain: () => stage.one.run(['touch', fileOf('plain')]),
    because: /script plain: .*exit code 1/,
  },
  {
    name: 'interface',
    vrid: 3,
    lose: async () => await stage.one.ports[1]?.power(false),
    regain: async () => await stage.one.ports[1]?.power(true),
    priority: 90,
    because: /own priority 90 \(base 150, tracked -60\)/,
  },
  {
    name: 'file',
    vrid: 4,
    lose: () => stage.one.writeFile(fileOf('maintenance'), '-100\n'),
    regain: () => stage.one.writeFile(fileOf('maintenance'), '0\n'),
    priority: 50,
    because: /own priority 50 \(base 150, tracked -100\)/,
  },
  {
    name: 'process',
    vrid: 5,
    lose: async () => {
      tracked.kill('SIGKILL');
      await tracked.exit;
    },
    regain: async () => {
      tracked = await startSleeper();
    },
    because: /process sleeper: /,
  },
  {
    name: 'gateway',
    vrid: 6,
    lose: async () => await gateway.ports[0]?.disconnect(),
    regain: async () => await gateway.ports[0]?.connect(),
    because: /gateway router: 10\.1\.1\.9 does not answer/,
  },
];

describe('what is tracked', () => {
  it('and has not been looked at yet is waited for, which nobody is told is a fault', async () => {
    await Promise.all(CASES.map(({ name }) => becomes(pair.one, name, 'MASTER')));
    const lines = pair.one.log.all.map(({ message }) => String(message));
    const wait = 'INIT: gateway router has not been looked at yet';
    expect(lines).toContainEqual(expect.stringContaining(wait));
    expect(lines.filter((line) => line.includes(': FAULT: '))).toEqual([]);
    const { activity } = await pair.one.status();
    const looked = activity.trackers
      .filter(({ looks }) => looks > 0)
      .map(({ kind, name }) => `${kind} ${name}`);
    expect(looked.sort()).toEqual(['file maintenance', 'process sleeper', 'script plain', 'script weighed']);
  });

  it.each(CASES)('$name: lost, the other takes over; regained, it comes back', async (one) => {
    const { name, vrid, lose, regain, priority, because } = one;
    await becomes(pair.one, name, 'MASTER');
    await expect.poll(() => routerOf(pair.two, name)).toMatchObject({ state: 'backup' });
    await expect.poll(() => routerOf(pair.one, name)).toMatchObject({ tracked: [{ state: 'up' }] });
    const since = { one: pair.one.log.mark, two: pair.two.log.mark };
    await lose();
    await becomes(pair.two, name, 'MASTER', since.two);
    const word = priority === undefined ? 'FAULT' : 'BACKUP';
    await becomes(pair.one, name, word, since.one);
    await expect
      .poll(() => routerOf(pair.one, name))
      .toMatchObject({
        explanation: expect.stringMatching(because),
        basePriority: 150,
        priority: priority ?? 150,
      });
    if (priority !== undefined)
      await stage.wire.events.waitFor(() =>
        advertsOf(stage, '10.1.1.4', vrid).some((seen) => seen.priority === priority),
      );
    const back = { one: pair.one.log.mark, two: pair.two.log.mark };
    await regain();
    await becomes(pair.one, name, 'MASTER', back.one);
    await becomes(pair.two, name, 'BACKUP', back.two);
  });
});
