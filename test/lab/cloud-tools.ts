/** What the tests in the cloud kernel share: programs so small that its emulated CPU has done with them at once. */
import type { Protocol } from '../../src/model/virtual-server.ts';
import type { Daemon } from './support/daemon.ts';
import type { Node } from './support/node.ts';

export type Question = readonly [transport: Protocol, address: string, port: number];

/**
 * Answers whatever comes to these ports, by either family, with the words that `sh` makes of `line`, in which
 * $SOCAT_PEERADDR is the client. Resolves when it listens.
 */
export async function answerOn(
  node: Node,
  ports: readonly (readonly [transport: Protocol, port: number])[],
  line: string,
): Promise<void> {
  const listeners = ports.flatMap(([transport, port]) => listenersOf(transport, port));
  // -t: the end of a datagram is the end of what there is to read, and half a second later socat would give up.
  const script = 'line=$1; shift; for each; do socat -t 30 -d -d "$each" "SYSTEM:$line" & done; wait';
  const servers = await node.spawn(['sh', '-c', script, 'sh', `read x; echo ${line}`, ...listeners]);
  let left = listeners.length;
  await servers.stderr.waitFor((text) => / (listening|receiving) on /.test(text) && --left === 0, {
    what: `${node.name} to listen on ${listeners.join(' and ')}`,
  });
}

/** Each family has its own socket: two datagrams that come together to one would be taken for one. */
function listenersOf(transport: Protocol, port: number): readonly string[] {
  const [verb, name] = transport === 'udp' ? ['RECVFROM', 'UDP'] : ['LISTEN', transport.toUpperCase()];
  return [`${name}4-${verb}:${port},reuseaddr,fork`, `${name}6-${verb}:${port},ipv6only=1,reuseaddr,fork`];
}

/** Seconds that somebody who is there may take. */
const PATIENCE = 90;

/** Asks $2 (tcp) $3 (address) $4 (port), and prints $1 before the answer. bash knows no SCTP. */
const ONE = `
one() {
  if [ $2 = sctp ]; then
    case $3 in *:*) to=SCTP6:[$3] ;; *) to=SCTP4:$3 ;; esac
    said=$(socat $to:$4 'SYSTEM:echo hello; read -r answer; echo "$answer" >&2' 2>&1)
  else
    said=$({ exec 3<>/dev/$2/$3/$4 && echo hello >&3 && head -n 1 <&3; } 2>&1)
  fi
  echo "$1 $said"
}`;

/** What each answers to `hello`, all at once: one line; or `refused` or `silent`. */
export async function askAll(
  node: Node,
  questions: readonly Question[],
  patience: number = PATIENCE,
): Promise<readonly string[]> {
  const script = `${ONE}; number=0; for each; do one $number $each & number=$((number + 1)); done; wait`;
  const words = questions.map((question) => question.join(' '));
  // --norc: bash takes the pipe that it is given for a remote user's, and would read what root wants in a shell.
  const bash = ['bash', '--norc', '-c', script, 'bash', ...words];
  const { stdout } = await node.exec(['timeout', String(patience), ...bash]);
  const said = new Map(stdout.split('\n').map((line) => [line.split(' ', 1)[0], line.replace(/^\d+ /, '')]));
  return questions.map((_, number) => {
    const answer = said.get(String(number)) ?? '';
    if (answer === '') return 'silent';
    return answer.includes('refused') ? 'refused' : answer.replace(/\[.*\]/, shortAddress);
  });
}

/** Asks $0 (address) $1 (port) for a connection again and again, and prints what came of each. */
const KNOCK = `
while :; do
  if { exec 3<>/dev/tcp/$0/$1; } 2>/dev/null; then
    echo hello >&3
    if read -r -t ${PATIENCE} answer <&3; then echo "$answer"; else echo silent; fi
    exec 3>&-
  else
    echo refused
  fi
  read -r -t 0.05
done`;

export interface Knocking {
  /** Every answer so far, once there are so many more than now. */
  more(count: number): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** A client that connects again and again, twenty times a second at most. Resolves when the first was answered. */
export async function knock(node: Node, address: string, port: number): Promise<Knocking> {
  const client = await node.spawn(['bash', '--norc', '-c', KNOCK, address, String(port)]);
  const { stdout } = client;
  const more = async (count: number): Promise<readonly string[]> => {
    const since = stdout.mark;
    let left = count;
    await stdout.waitFor(() => --left <= 0, { since, timeout: 120_000, what: 'answers to who knocks' });
    return stdout.all;
  };
  await more(1);
  return {
    more,
    async stop() {
      client.kill('SIGKILL');
      await client.exit;
    },
  };
}

/** As `askAll`, one. */
export async function ask(
  node: Node,
  transport: Protocol,
  address: string,
  port: number,
  patience?: number,
): Promise<string> {
  const [answer = ''] = await askAll(node, [[transport, address, port]], patience);
  return answer;
}

/** socat writes every digit of an IPv6 address. */
const shortAddress = (long: string): string => new URL(`http://${long}`).hostname.slice(1, -1);

/** ICMP and ICMPv6 echo requests for printf, and what the answers look like. Of ICMPv6 the kernel computes the checksum. */
const ECHO = {
  ipv4: { request: '\\010\\000\\201\\207\\166\\167\\000\\001', answer: /00 00 .. .. 76 77 00 01/ },
  ipv6: { request: '\\200\\000\\000\\000\\166\\167\\000\\001', answer: /81 00 .. .. 76 77 00 01/ },
};

/** Whether an address answers an ICMP echo request. What neighbours say of it by ICMPv6 is heard as well, and no answer. */
export async function answersEcho(node: Node, address: string, patience = 2): Promise<boolean> {
  const six = address.includes(':');
  const { request, answer } = six ? ECHO.ipv6 : ECHO.ipv4;
  const to = six ? `IP6-SENDTO:[${address}]:58` : `IP4-SENDTO:${address}:1`;
  const line = `printf '${request}' | socat -t ${patience} - ${to} | od -An -v -tx1 | tr -d '\n'`;
  return answer.test(await node.run(line));
}

/** Resolves when each of these real servers has come into the table, as a line of the log with `where` tells: its check is good. */
export async function entered(
  daemon: Daemon,
  addresses: readonly string[],
  where: RegExp,
  since = 0,
): Promise<void> {
  const missing = new Set(addresses);
  await daemon.log.waitFor(
    ({ message }) => {
      const [, address = ''] = /^add real server \[?([^\]]*?)\]?:\d+ to /.exec(message) ?? [];
      if (where.test(message)) missing.delete(address);
      return missing.size === 0;
    },
    { since, timeout: 120_000, what: `real servers${where.source}` },
  );
}
