/** What the tests in the cloud kernel share: programs so small that its emulated CPU has done with them at once. */
import type { Protocol } from '../../src/model/virtual-server.ts';
import type { Node } from './support/node.ts';

export type Transport = Exclude<Protocol, 'sctp'>;

/**
 * Answers whatever comes to these ports (`tcp 80`), by either family, with the words that `sh` makes of `line`, in which
 * $SOCAT_PEERADDR is the client. Resolves when it listens.
 */
export async function answerOn(node: Node, ports: readonly string[], line: string): Promise<void> {
  const listeners = ports.flatMap((each) => {
    const [transport, port] = each.split(' ');
    const word = transport === 'tcp' ? 'LISTEN' : 'RECVFROM';
    const name = transport === 'tcp' ? 'TCP' : 'UDP';
    return [`${name}4-${word}:${port},reuseaddr,fork`, `${name}6-${word}:${port},ipv6only=1,reuseaddr,fork`];
  });
  await Promise.all(
    listeners.map(async (listener) => {
      // -t: the end of a datagram is the end of what there is to read, and half a second later socat would give up.
      const server = await node.spawn([
        'socat',
        '-t',
        '30',
        '-d',
        '-d',
        listener,
        `SYSTEM:read x; echo ${line}`,
      ]);
      await server.stderr.waitFor((text) => / (listening|receiving) on /.test(text), {
        what: `${node.name} to listen on ${listener}`,
      });
    }),
  );
}

/** socat writes every digit of an IPv6 address. */
const shortAddress = (long: string): string => new URL(`http://${long}`).hostname.slice(1, -1);

/** Seconds that somebody who is there may take. */
const PATIENCE = 30;

/** One line from there to whoever says `hello`; or `refused` or `silent`. */
export async function ask(
  node: Node,
  transport: Transport,
  address: string,
  port: number,
  patience: number = PATIENCE,
): Promise<string> {
  // --norc: bash takes the pipe that it is given for a remote user's, and would read what root wants in a shell.
  const talk = 'exec 3<>/dev/$0/$1/$2 && echo hello >&3 && exec head -n 1 <&3';
  const words = [transport, address, String(port)];
  const command = ['timeout', String(patience), 'bash', '--norc', '-c', talk, ...words];
  const { stdout, stderr } = await node.exec(command);
  if (stdout !== '') return stdout.trim().replace(/\[.*\]/, shortAddress);
  return stderr.includes('refused') ? 'refused' : 'silent';
}

/** The ICMP and ICMPv6 echo requests of which an identifier and a sequence are 0. */
const ECHO = {
  ipv4: '\\010\\000\\367\\377\\000\\000\\000\\000',
  ipv6: '\\200\\000\\000\\000\\000\\000\\000\\000',
};

/** Whether an address answers an ICMP echo request. */
export async function answersEcho(node: Node, address: string, patience = 2): Promise<boolean> {
  const [to, request] = address.includes(':')
    ? [`IP6-SENDTO:[${address}]:58`, ECHO.ipv6]
    : [`IP4-SENDTO:${address}:1`, ECHO.ipv4];
  return (await node.run(`printf '${request}' | socat -t ${patience} - ${to} | wc -c`)).trim() !== '0';
}
