/** Cases of the daemon in the cloud kernel: fullnat of every kind, and a mark of TCP and UDP together, by one reload. */
import { beforeAll, expect, it } from 'vitest';
import type { Protocol } from '../../src/model/virtual-server.ts';
import { stage } from './cloud-stage.ts';
import { answerOn, askAll, entered } from './cloud-tools.ts';
import type { Daemon } from './support/daemon.ts';

/** VIPs, the real servers of each family, and the address of the director's that they see. */
export interface Places {
  readonly vips: { readonly four: string; readonly six: string };
  readonly far: { readonly four: readonly string[]; readonly six: readonly string[] };
  readonly seen: { readonly four: string; readonly six: string };
}

const SEVERAL = [8101, 8102] as const;
const DATAGRAMS = 8153;
const MARKED: readonly (readonly [Protocol, number])[] = [
  ['tcp', 8201],
  ['udp', 8253],
];

/** `file`: of services, with the virtual router that is active already. */
export function kindsCases(
  daemonOf: () => Daemon,
  file: (services: string) => string,
  { vips, far, seen }: Places,
): void {
  const servers = (addresses: readonly string[]): string =>
    `[${addresses.map((address) => `{ address: "${address}" }`).join(', ')}]`;
  const all = servers([...far.four, ...far.six]);
  const both = `["${vips.four}", "${vips.six}"]`;
  const match = MARKED.map(
    ([protocol, port]) => `{ address: ${both}, protocol: ${protocol}, ports: [${port}] }`,
  ).join(', ');
  /** A machine that is emulated and busy takes its time. */
  const check = (port?: number): string =>
    `check: { tcp: {}, connect_timeout: 20s, timeout: 20s${port === undefined ? '' : `, port: ${port}`} }`;
  const services = `
  several: { address: "${vips.six}", port: [${SEVERAL.join(', ')}], forwarding: fullnat, scheduler: rr, ${check()}, real_servers: ${servers(far.six)} }
  datagrams: { address: ${both}, port: ${DATAGRAMS}, protocol: udp, forwarding: fullnat, scheduler: rr, ${check(SEVERAL[0])}, real_servers: ${all} }
  together: { mark: 62, family: both, match: [${match}], persistence: 60s, forwarding: fullnat, scheduler: rr, ${check(SEVERAL[0])}, real_servers: ${all} }
`;
  /** Who answered each, and whom it saw. */
  const answers = async (questions: readonly (readonly [Protocol, string, number])[]) =>
    (await askAll(stage().client, questions)).map((text) => text.trim().split(' to '));

  beforeAll(async () => {
    const ports = [...SEVERAL.map((port) => ['tcp', port] as const), ['udp', DATAGRAMS] as const, ...MARKED];
    await Promise.all(stage().farm.map((node) => answerOn(node, ports, `${node.name} to $SOCAT_PEERADDR`)));
    const since = daemonOf().log.mark;
    await daemonOf().configure(file(services));
    // A command of vipward's takes a busy emulated CPU minutes.
    daemonOf().process.kill('SIGHUP');
    await daemonOf().said('configuration reloaded', { since, timeout: 240_000 });
    // Each real server is entered when its check has come up, at every entry: the last ones are those of the mark.
    await entered(daemonOf(), [...far.four, ...far.six], /:0 to fwmark 62 /, since);
  });

  it('fullnat serves on several ports over IPv6, and by UDP over both families', async () => {
    for (const [question, director] of [
      [['tcp', vips.six, SEVERAL[0]], seen.six],
      [['tcp', vips.six, SEVERAL[1]], seen.six],
      [['udp', vips.four, DATAGRAMS], seen.four],
      [['udp', vips.six, DATAGRAMS], seen.six],
    ] as const) {
      const said = await answers([question, question]);
      expect(said.map(([name]) => name).sort(), question.join(' ')).toEqual(['far1', 'far2']);
      expect(new Set(said.map(([, client]) => client)), question.join(' ')).toEqual(new Set([director]));
    }
  });

  it('a mark of TCP and UDP keeps a client at one real server by both, in each family', async () => {
    for (const family of ['four', 'six'] as const) {
      const questions = [...MARKED, ...MARKED].map(
        ([protocol, port]) => [protocol, vips[family], port] as const,
      );
      const said = await answers(questions);
      expect(said.every(([name]) => name === 'far1' || name === 'far2')).toBe(true);
      expect(new Set(said.map(([name]) => name)).size, family).toBe(1);
      expect(new Set(said.map(([, client]) => client))).toEqual(new Set([seen[family]]));
    }
  });
}
