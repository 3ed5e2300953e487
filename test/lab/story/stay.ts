/** What somebody can do who stays after the story. */
import { CONFIG_PATH, VIP } from './configuration.ts';
import type { Stage } from './stage.ts';

export function invitation({ lvs1, lvs2, web1, web2, client }: Stage): string {
  const nodes = [
    ['lvs1', lvs1.kernel],
    ['lvs2', lvs2.kernel],
    ['web1', web1.node],
    ['web2', web2.node],
    ['client', client],
  ] as const;
  return `
Everything goes on running, and the client goes on asking. A shell on each machine, from another terminal:

${nodes.map(([name, node]) => `  ${name.padEnd(8)}${node.shellCommand()}`).join('\n')}

Things to try:

  on lvs1      vipward status                      who holds the VIP, and how the web servers are
               ipvsadm -Ln                         the kernel's own table
               sed -i 's/weight: 4/weight: 1/' ${CONFIG_PATH}
               vipward plan ${CONFIG_PATH}      what a reload would change
               vipward reload
               ip link set eth0 down               lvs2 takes over; "up" again gives it back
               ipvsadm -C                          somebody spoils the table: repaired within 10 s
  on web1      ip link set eth0 down               it is taken out; "up" again brings it back
  on client    curl http://${VIP}/             who answers

Both directors call themselves lvs1: their files differ in the priority only.

Enter or Ctrl-C ends it all.`;
}
