/** Faults by what somebody does to a director's interfaces and addresses. */
import { VIP } from './configuration.ts';
import type { Fault } from './fault.ts';

const vipDeleted: Fault = {
  name: 'vip-deleted',
  title: 'somebody deletes the VIP on the active director',
  lasts: 8,
  prepare:
    async ({ a }) =>
    async () => {
      await a.node.run(`ip address delete ${VIP}/24 dev eth0`);
      return undefined;
    },
};

const vipAdded: Fault = {
  name: 'vip-added',
  title: 'somebody adds the VIP on the backup',
  lasts: 10,
  prepare:
    async ({ b }) =>
    async () => {
      await b.node.run(`ip address add ${VIP}/24 dev eth0`);
      return undefined;
    },
};

const interfaceDown: Fault = {
  name: 'interface-down',
  title: '`ip link set eth0 down` on the active director, up after 8 s',
  lasts: 8,
  after: 8,
  prepare:
    async ({ a }) =>
    async () => {
      await a.node.run('ip link set eth0 down');
      return () => a.node.run('ip link set eth0 up');
    },
};

const interfaceRemoved: Fault = {
  name: 'interface-removed',
  title: 'the interface of the active director is removed, and put back with its address after 8 s',
  lasts: 8,
  after: 8,
  prepare: async (stage) => async () => {
    await stage.a.node.run('ip link delete eth0');
    return async () => {
      await stage.plugAgain(stage.a);
      await stage.a.node.run(`ip link set eth0 up && ip address add ${stage.a.address}/24 dev eth0`);
    };
  },
};

/** Notices for whoever listens to links and addresses, made faster than a reader can take them in. */
const CHANGES = 20_000;
const BURST = `
{ i=0
  while [ $i -lt ${CHANGES} ]; do
    echo "link set dev lo alias x$i"
    echo "address add 10.99.$((i / 250 % 250)).$((i % 250 + 1))/32 dev lo"
    echo "address delete 10.99.$((i / 250 % 250)).$((i % 250 + 1))/32 dev lo"
    i=$((i + 1))
  done
} >"$0"`;

const netlinkOverrun: Fault = {
  name: 'netlink-overrun',
  title: `${3 * CHANGES} changes of links and addresses, and the VIP deleted among them`,
  alone: true,
  lasts: 10,
  prepare: async ({ a }) => {
    const file = `${a.node.scratch}/burst`;
    await a.node.run(['sh', '-c', BURST, file]);
    const half = (1.5 * CHANGES).toFixed(0);
    await a.node.run(`sed -i '${half}a address delete ${VIP}/24 dev eth0' ${file}`);
    return async () => {
      const burst = await a.node.spawn(['ip', '-force', '-batch', file]);
      return async () => {
        if (burst.ended === undefined) throw new Error('the burst outlasts what is measured');
      };
    };
  },
};

export const addressFaults: readonly Fault[] = [
  vipDeleted,
  vipAdded,
  interfaceDown,
  interfaceRemoved,
  netlinkOverrun,
];
