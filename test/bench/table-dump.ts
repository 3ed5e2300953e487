/**
 * table-dump.ts COUNT: lists the IPVS table so often, and prints what each time took as a JSON list of ms. Beside it the
 * floor: the same requests sent once more and the same answers received, with nothing made of them.
 */
import { openIpvs } from '../../src/kernel/ipvs.ts';
import { NETLINK_GENERIC, openNetlinkSocket } from '../../src/sys/netlink-socket.ts';

const socket = openNetlinkSocket(NETLINK_GENERIC, { readAhead: true });
/** What was asked of the socket: to send this, or to receive. */
let calls: (Uint8Array | undefined)[] = [];
const ipvs = openIpvs({
  send(messages) {
    calls.push(messages);
    socket.send(messages);
  },
  receive() {
    calls.push(undefined);
    return socket.receive();
  },
  close: () => socket.close(),
});

function timed(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

const times = Array.from({ length: Number(process.argv[2] ?? '1') }, () => {
  calls = [];
  let realServers = 0;
  const ms = timed(() => {
    for (const server of ipvs.dump()) realServers += server.realServers.length;
  });
  const asked = calls;
  const floor = timed(() => {
    for (const call of asked) {
      if (call === undefined) socket.receive();
      else socket.send(call);
    }
  });
  return { ms, floor, realServers };
});
ipvs.close();
process.stdout.write(`${JSON.stringify(times)}\n`);
