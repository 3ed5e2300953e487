/** Faults by what somebody does to a director's interfaces and addresses. */
import { VIP } from './configuration.ts';
import type { Fault, Inflict } from './fault.ts';

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

const CHANGES = 20_000;
const BURST = `
{ i=0
  while [ $i -lt ${CHANGES} ]; do
    echo "link set dev lo alias x$i"
    echo "address add 10.99.$((i / 250 % 250)).$((i % 250 + 1))/32 dev lo"
    echo "address delete 10.99.$((i / 250 % 250)).$((i % 250 + 1))/32 dev lo"
    [ $i = ${CHANGES / 10} ] && echo "address delete ${VIP}/24 dev eth0"
    i=$((i + 1))
  done
} >"$0"`;

/** Lines of /proc/net/netlink but owner-watch.ts's: `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`. */
const OVERRUNS = `awk '$4 !~ /^0+$/ && $4 != "00000011" && $9 > 0' /proc/net/netlink`;

/**
 * The notices are made faster than either program reads at best, but the queue of one may hold them all. So the reader
 * gets no processor for a second meanwhile, which is no reason for anybody to take over.
 */
const netlinkOverrun: Fault = {
  name: 'netlink-overrun',
  title: `a netlink queue overruns: ${3 * CHANGES} changes of links and addresses, among them the VIP's removal`,
  alone: true,
  takes: 1,
  lasts: 10,
  prepare: async (stage): Promise<Inflict> => {
    const { node } = stage.a;
    const file = `${node.scratch}/burst`;
    await node.run(['sh', '-c', BURST, file]);
    const reader = [await stage.a.pidOf('vrrp')];
    return async () => {
      await stage.a.signal(reader, 'STOP');
      const burst = await node.spawn(['ip', '-force', '-batch', file]);
      await stage.pause(1);
      const overruns = await node.run(OVERRUNS);
      await stage.a.signal(reader, 'CONT');
      if (overruns === '') throw new Error('no queue of netlink was overrun');
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
