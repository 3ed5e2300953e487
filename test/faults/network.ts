/** Faults of the network between the directors. */
import { join } from 'node:path';
import { type Guard, type Plan, VIP, VRID } from './configuration.ts';
import type { Fault, Inflict } from './fault.ts';
import type { Stage } from './stage.ts';

/** By where frames come out of the trunk between the directors; the client is on the active one's side. */
const TOWARDS_B = 'iifname trunk-right';
const TOWARDS_A = 'iifname trunk-left';
const TRUNK = [TOWARDS_A, TOWARDS_B];

const portRule = (stage: Stage, way: 'iifname' | 'oifname', director: 'a' | 'b', index = 0): string =>
  `${way} ${stage.portOf(stage[director], index).device}`;

const bothNetworks = (stage: Stage): readonly string[] => [
  ...TRUNK,
  portRule(stage, 'iifname', 'b', 1),
  portRule(stage, 'oifname', 'b', 1),
];

const ATTACKER = '10.1.1.66';

type Frames = (stage: Stage) => readonly string[];

/** Frames that vanish for 8 s, then pass again. */
const loss = (name: string, title: string, frames: Frames): Fault => ({
  name,
  guards: ['heartbeat', 'gateway'],
  title: `for 8 s ${title}`,
  lasts: 8,
  after: 8,
  prepare: async (stage) => async () => {
    await stage.lose(frames(stage));
    return () => stage.mend();
  },
});

/** Frames that vanish until the end. */
const cut = (name: string, title: string, guards: readonly Guard[], frames: Frames): Fault => ({
  name,
  guards,
  title,
  lasts: 10,
  prepare: async (stage) => async () => {
    await stage.lose(frames(stage));
    return undefined;
  },
});

const partitionHealed: Fault = {
  name: 'partition-healed',
  title: 'both networks come back after they were cut for 8 s',
  lasts: 8,
  prepare: async (stage) => {
    await stage.lose(bothNetworks(stage));
    await stage.pause(8);
    return async () => {
      await stage.mend();
      return undefined;
    };
  },
};

const linkDown: Fault = {
  name: 'link-down',
  title: 'the link of the active director has no carrier for 8 s',
  lasts: 8,
  after: 8,
  prepare: async (stage) => async () => {
    await stage.portOf(stage.a).power(false);
    return () => stage.portOf(stage.a).power(true);
  },
};

/** Adverts of the highest priority that must be refused, from another host beside the client. */
const flood = (
  name: string,
  title: string,
  plan: Partial<Plan>,
  program: string,
  ...args: readonly string[]
): Fault => ({
  name,
  title: `a flood of forged adverts: ${title}`,
  plan,
  lasts: 10,
  prepare: async (stage): Promise<Inflict> => {
    const ports = [{ on: stage.machines.left, addresses: [`${ATTACKER}/24`] }];
    const routes = ['224.0.0.0/4 dev eth0'];
    const attacker = await stage.lab.addHost('attacker', { ports, routes });
    return async () => {
      const sender = await attacker.spawn(['node', join(import.meta.dirname, program), ...args]);
      return async () => {
        if (sender.ended !== undefined)
          throw new Error(`the flood ended early:\n${sender.output.all.join('\n')}`);
        await sender.stop();
      };
    };
  },
});

const floods = [
  flood(
    'flood',
    'of wrong VRID, TTL, checksum, version',
    {},
    ...(['../process/vrrp/flood.ts', 'eth0', '1000000000', ATTACKER] as const),
  ),
  flood(
    'flood-password',
    'of a wrong password (VRRPv2)',
    { password: 'secret' },
    ...(['wrong-password.ts', String(VRID), VIP] as const),
  ),
];

export const networkFaults: readonly Fault[] = [
  linkDown,
  loss('loss-to-backup', 'the backup hears nothing that passes the trunk', () => [TOWARDS_B]),
  loss('loss-to-active', 'the active director hears nothing that passes the trunk', () => [TOWARDS_A]),
  loss('mute', 'nothing leaves the active director on the network of the VIP', (stage) => [
    portRule(stage, 'iifname', 'a'),
  ]),
  loss('deaf', 'nothing reaches the active director on the network of the VIP', (stage) => [
    portRule(stage, 'oifname', 'a'),
  ]),
  cut(
    'partition',
    'the network of the VIP is cut between the directors',
    ['heartbeat', 'gateway'],
    () => TRUNK,
  ),
  cut('partition-of-both', 'both networks are cut between the directors', ['arbiter'], bothNetworks),
  partitionHealed,
  ...floods,
];
