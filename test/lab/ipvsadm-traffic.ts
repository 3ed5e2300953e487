/** Connections through the table of this kernel, all of them made by this process with itself. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Virtual services of the director itself whose real server it is too. */
export const TRAFFIC_RULES: readonly string[] = [
  '-A -t 10.1.1.254:8080 -s rr',
  '-a -t 10.1.1.254:8080 -r 10.1.1.1:9000 -m',
  '-A -t 10.1.1.254:8081 -s rr -p 60',
  '-a -t 10.1.1.254:8081 -r 10.1.1.1:9000 -m',
  '-A -t [fd00::fe]:8080 -s rr',
  '-a -t [fd00::fe]:8080 -r [fd00::1]:9000 -m',
  '-A -u 10.1.1.254:5062 -s rr -p 60 --pe sip',
  '-a -u 10.1.1.254:5062 -r 10.1.1.1:9001 -m',
];

const INVITE = [
  'INVITE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK776asdhds',
  'Max-Forwards: 70',
  'Call-ID: a84b4c76e66710@10.1.1.1',
  'CSeq: 314159 INVITE',
  '',
  '',
].join('\r\n');

/** Resolves when every connection stands; they live until `close`. */
export async function makeConnections(): Promise<{ readonly close: () => void }> {
  const ends: Socket[] = [];
  const server = createServer((socket) => {
    ends.push(socket);
    socket.on('error', () => undefined);
    socket.write('hello');
  });
  await once(server.listen({ host: '::', port: 9000 }), 'listening');
  for (const [host, port] of [
    ['10.1.1.254', 8080],
    ['10.1.1.254', 8080],
    ['10.1.1.254', 8081],
    ['fd00::fe', 8080],
  ] as const) {
    const socket = connect({ host, port });
    ends.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'data');
  }
  const receiver = createSocket('udp4');
  await once(receiver.bind(9001, '10.1.1.1'), 'listening');
  const sender = createSocket('udp4');
  const heard = once(receiver, 'message');
  sender.send(INVITE, 5062, '10.1.1.254');
  await heard;
  return {
    close: () => {
      for (const end of ends) end.destroy();
      server.close();
      receiver.close();
      sender.close();
    },
  };
}
