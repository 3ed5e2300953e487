/** Addresses, ports and protocols of virtual servers, on the stage of the schedulers' cases. */
import { describe, expect, it } from 'vitest';
import type { NamespaceNode } from './support/network.ts';
import { prepareDirectRouting } from './support/tools.ts';
import { type Pool, VIP, VIP6 } from './textbook-pool.ts';
import { MANY, type Name, portOf, sctpServer } from './textbook-scheduler-services.ts';

export function protocolCases(poolOf: () => Pool): void {
  it('one definition of several addresses, ports and a range of ports: every one of them, and no other', async () => {
    const { refused } = (await poolOf().daemon.status()).table;
    expect(refused.filter((text) => !text.includes('twos'))).toEqual([]);
    for (const to of MANY.addresses) {
      const from = to === VIP6 ? 'fd00:3::1' : '10.3.3.1';
      const ask = async (port: number) => (await poolOf().caller.open({ to, port, from })).name;
      for (const port of MANY.ports) expect([await ask(port), await ask(port)].sort()).toEqual(['a', 'b']);
      for (const port of MANY.beyond) expect(await ask(port)).toBe('ECONNREFUSED');
    }
  });

  describe('UDP', () => {
    const sixDatagrams = (name: Name) =>
      poolOf().caller.datagrams({ to: VIP, port: portOf(name), from: '10.1.1.100' }, Array(6).fill('?'));

    it('datagrams of one port are a connection', async () => {
      const seen = await sixDatagrams('udp');
      expect(seen).toEqual(Array(6).fill(seen[0]));
    });

    it('one_packet: each by itself', async () => {
      const seen = await sixDatagrams('one_packet');
      expect(seen.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c']);
      expect(seen.slice(3)).toEqual(seen.slice(0, 3));
    });
  });

  describe('SCTP', () => {
    /** Only a kernel of the lab has SCTP: both real servers and the client share the director's, on a cable of their own. */
    async function insideTheKernel(): Promise<NamespaceNode> {
      const { director } = poolOf();
      await director.run('modprobe sctp');
      const wire = await director.inside.addSwitch('wire');
      const room = wire.node.namespace;
      await director.run(
        `ip link set eth2 netns ${room} && ip -n ${room} link set eth2 master ${wire.bridge} up`,
      );
      const host = (name: string, address: string) =>
        director.inside.addHost(name, { ports: [{ on: wire, addresses: [`${address}/24`] }] });
      for (const [index, name] of ['one', 'two'].entries()) {
        const node = await host(name, sctpServer(index));
        await prepareDirectRouting(node, VIP);
        // This kernel has none of the hashes for cookies.
        await node.run('sysctl -qw net.sctp.cookie_hmac_alg=none');
        const place = `SCTP4-LISTEN:${portOf('sctp')},bind=${VIP},fork`;
        const server = await node.spawn(['socat', '-d', '-d', place, `SYSTEM:echo ${name}`]);
        await server.stderr.waitFor((line) => line.includes('listening on'), { what: `${name} to listen` });
      }
      return await host('caller', '10.1.1.150');
    }

    it('associations, in turn', async () => {
      const node = await insideTheKernel();
      const seen = [];
      for (let n = 0; n < 4; n++)
        seen.push((await node.run(`socat -u SCTP4:${VIP}:${portOf('sctp')} -`)).trim());
      expect(seen.slice(0, 2).toSorted()).toEqual(['one', 'two']);
      expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    });
  });
}
