/** Faults of what every program needs: processor time, memory, disk. */
import type { Fault } from './fault.ts';

const LOOPS = 4;
/** Begins at a word on the daemon's standard input, in the daemon's session: in another it would be another autogroup. */
const LOOPS_AT_A_WORD = `exec 3<&0 </dev/null
( read word <&3; for i in $(seq ${LOOPS}); do (while :; do :; done) & done; wait ) &
exec 3<&-`;

const busyLoops: Fault = {
  name: 'busy-loops',
  title: `${LOOPS} busy loops beside the active director, adverts every 10 ms, both programs with realtime priority`,
  alone: true,
  plan: { interval: 10, realtime: true },
  start: { before: LOOPS_AT_A_WORD },
  lasts: 10,
  prepare:
    async ({ a }) =>
    async () => {
      a.process.write('begin\n');
      return undefined;
    },
};

const checkerMemory: Fault = {
  name: 'checker-memory',
  title: 'a checker of the active director gets no more memory',
  place: 'kernels',
  plan: { service: true },
  lasts: 12,
  prepare: async ({ a }) => {
    const pid = await a.pidOf('checker');
    return async () => {
      await a.node.run(`prlimit --pid ${pid} --as=1 --data=1`);
      return undefined;
    };
  },
};

/** In the daemon's own mount namespace, which vanishes with it. */
const LOG_DISK = '/mnt';

const fullLogDisk: Fault = {
  name: 'log-disk-full',
  title:
    'the disk of the log is full on both directors, then both reload and the active one loses its link for 8 s',
  start: { before: `mount -t tmpfs -o size=256k tmpfs ${LOG_DISK}`, log: `${LOG_DISK}/log` },
  lasts: 8,
  after: 8,
  prepare: async (stage) => {
    for (const { node, process } of [stage.a, stage.b]) {
      const fill = `cat /dev/zero >${LOG_DISK}/fill 2>/dev/null; [ "$(stat -f -c %a ${LOG_DISK})" = 0 ]`;
      await node.run(['nsenter', '--mount', '--target', String(process.pid), 'sh', '-c', fill]);
    }
    return async () => {
      await stage.reload({});
      await stage.portOf(stage.a).power(false);
      return () => stage.portOf(stage.a).power(true);
    };
  },
};

export const resourceFaults: readonly Fault[] = [busyLoops, checkerMemory, fullLogDisk];
