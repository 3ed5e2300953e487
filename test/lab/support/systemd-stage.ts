/**
 * A director with systemd, vipward not yet installed; a second director without systemd that takes over from it; a
 * real server; a client; and witnesses of all that happens.
 *
 *   const stage = await SystemdStage.create()
 *   const since = stage.marks()
 *   await stage.handedOver(since)           a priority of 0 was on the wire, and the second director took over
 *   await stage.vipWent(since)              the first one's kernel has no VIP any more
 */
import { type Daemon, startDaemon } from './daemon.ts';
import type { Kernel } from './kernel.ts';
import { Lab } from './lab.ts';
import type { NamespaceNode } from './network.ts';
import { CONFIGURATION, type Service, watchService } from './systemd.ts';
import { type Observer, observe, prepareDirectRouting, startRealServer } from './tools.ts';

export const VIP = '10.1.1.254';
const DIP = '10.1.1.4';
const RIP = '10.1.1.2';

interface Choice {
  readonly weight?: number;
  readonly realtime?: boolean;
  /** Whether programs of the administrator's are run, and the virtual Ethernet address is used. */
  readonly programs?: boolean;
}

/** What the scripts of `programs` write, and that they are. */
export const NOTIFIED = '/var/log/vipward/notified';
const NOTIFY_SCRIPT = '/etc/vipward/notify.sh';
const CHECK_SCRIPT = '/etc/vipward/check.sh';
/** The user `nobody`. */
const NOBODY = '65534';
/** A process of another user's that is tracked. */
const NEIGHBOUR = 'lab-neighbour';

/** Each takes the other for lost, and gives up when it stood still itself, only after as long as a busy machine may. */
const routers = (priority: number, more = ''): string => `
virtual_routers:
  web:
    interface: eth0
    vrid: 51
    priority: ${priority}
    advert_interval: 200ms
    down_adverts: 30
    addresses: [${VIP}/24]${more}
`;

const PROGRAMS = `
    vmac: { device: vrrp.51 }
    notify: { all: { command: ${NOTIFY_SCRIPT} } }
    track: { scripts: [chk], processes: [neighbour] }
track:
  scripts:
    chk: { command: ${CHECK_SCRIPT}, interval: 5s, user: nobody }
  processes:
    neighbour: { process: ${NEIGHBOUR}, interval: 1s }`;

const configuration = ({ weight = 2, realtime = true, programs = false }: Choice = {}): string => `
vrrp: { realtime: ${realtime} }${routers(255, programs ? PROGRAMS : '')}
services:
  web:
    address: ${VIP}
    port: 80
    protocol: tcp
    scheduler: wrr
    forwarding: dr
    check: { tcp: {}, interval: 1s, connect_timeout: 20s, timeout: 20s }
    real_servers:
      - { address: ${RIP}, weight: ${weight} }
`;

/** Places in the records: what comes after them is new. */
interface Marks {
  readonly journal: number;
  readonly addresses: number;
  readonly wire: number;
  readonly peer: number;
}

interface Parts {
  readonly lab: Lab;
  readonly lvs1: Kernel;
  readonly client: NamespaceNode;
  readonly peer: Daemon;
  readonly wire: Observer;
  readonly service: Service;
}

export class SystemdStage {
  readonly lvs1: Kernel;
  readonly service: Service;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.lvs1 = parts.lvs1;
    this.service = parts.service;
    this.#parts = parts;
  }

  static async create(): Promise<SystemdStage> {
    const lab = await Lab.create();
    const lan = await lab.addSwitch('lan');
    const host = (name: string, address: string): Promise<NamespaceNode> =>
      lab.addHost(name, { ports: [{ on: lan, addresses: [`${address}/24`] }] });
    const client = await host('client', '10.1.1.100');
    const web = await host('web', RIP);
    const lvs2 = await host('lvs2', '10.1.1.5');
    const lvs1 = await lab.addKernel('lvs1', {
      ports: [{ on: lan, addresses: [`${DIP}/24`] }],
      systemd: true,
    });
    await prepareDirectRouting(web, VIP);
    const [peer, wire] = await Promise.all([
      startDaemon(lvs2, routers(100)),
      observe(lan),
      lvs1.boot(),
      startRealServer(web, { body: 'web' }),
    ]);
    const service = await watchService(lvs1);
    await peer.said('virtual router web: MASTER');
    return new SystemdStage({ lab, lvs1, client, peer, wire, service });
  }

  close(): Promise<void> {
    return this.#parts.lab.close();
  }

  /** Writes the first director's file; nothing reads it yet. */
  configure(choice?: Choice): Promise<void> {
    return this.lvs1.writeFile(CONFIGURATION, configuration(choice));
  }

  /** Puts the programs of `configure({ programs: true })` in their places, and starts the one that is tracked. */
  async installPrograms(): Promise<void> {
    // Whether a script can do what scripts do: write in its place, log, talk to systemd, change a neighbour.
    await this.lvs1.writeFile(
      NOTIFY_SCRIPT,
      `#!/bin/sh
       ok() { "$@" >/dev/null 2>&1 && echo "$1" || echo "NO $1"; }
       echo "$* uid=$(id -u)" "$(ok logger lab-notify "$*")" "$(ok systemctl is-active vipward)" \
         "$(ok ip neighbour replace 10.1.1.77 lladdr 02:00:00:00:00:77 dev eth0)" >>${NOTIFIED}`,
    );
    // Up only as nobody, without groups and without capabilities, and where it sees the processes of others.
    await this.lvs1.writeFile(
      CHECK_SCRIPT,
      `#!/bin/sh
       id; grep CapEff /proc/self/status; ls -d /proc/1
       [ -r /proc/1/stat ] || exit 1
       [ "$(id -u)$(id -G)" = ${NOBODY}${NOBODY} ] && grep -q 'CapEff:.*0000000000000000' /proc/self/status`,
    );
    await this.lvs1.run(
      `chmod 755 /etc/vipward ${NOTIFY_SCRIPT} ${CHECK_SCRIPT}; cp /bin/sleep /usr/local/bin/${NEIGHBOUR}`,
    );
    await this.lvs1.spawn([
      ...['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
      ...[`/usr/local/bin/${NEIGHBOUR}`, 'infinity'],
    ]);
  }

  /** Writes the file with one value that is wrong, and returns its place: file:line:column. */
  async spoil(key: string, good: string, bad: string): Promise<string> {
    const text = configuration();
    const at = text.indexOf(`${key}: ${good}\n`) + key.length + 2;
    await this.lvs1.writeFile(CONFIGURATION, text.slice(0, at) + bad + text.slice(at + good.length));
    const lines = text.slice(0, at).split('\n');
    return `${CONFIGURATION}:${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
  }

  /** What the client gets from the VIP. */
  ask(): Promise<string> {
    return this.#parts.client.run(`curl -sS --max-time 60 http://${VIP}/`);
  }

  table(): Promise<string> {
    return this.lvs1.run('ipvsadm -Sn');
  }

  /** How many connections the table has counted for the real server: from 0 again if its entry is made anew. */
  async connections(): Promise<number> {
    const statistics = await this.lvs1.run('ipvsadm -Ln --stats --exact');
    const line = statistics.split('\n').find((text) => text.includes(`${RIP}:80 `));
    if (line === undefined) throw new Error(`${RIP}:80 is not in the table:\n${statistics}`);
    return Number(line.trim().split(/\s+/)[2]);
  }

  marks(): Marks {
    const { service, wire, peer } = this.#parts;
    return {
      journal: service.journal.mark,
      addresses: service.addresses.mark,
      wire: wire.events.mark,
      peer: peer.log.mark,
    };
  }

  async vipCame({ addresses: since }: Pick<Marks, 'addresses'>): Promise<void> {
    const what = `${VIP} to come`;
    await this.service.addresses.waitFor((line) => isVip(line) && !isRemoval(line), { since, what });
  }

  async vipWent({ addresses: since }: Pick<Marks, 'addresses'>): Promise<void> {
    const what = `${VIP} to go`;
    await this.service.addresses.waitFor((line) => isVip(line) && isRemoval(line), { since, what });
  }

  /** Resolves when it is there again, after it went for the last time. */
  async vipCameBack(): Promise<void> {
    const { all } = this.service.addresses;
    await this.vipCame({ addresses: all.findLastIndex((line) => isVip(line) && isRemoval(line)) });
  }

  async handedOver({ wire: since, peer }: Marks): Promise<void> {
    const what = 'a priority of 0';
    await this.#parts.wire.events.waitFor(
      (seen) => seen.kind === 'vrrp' && seen.source === DIP && seen.priority === 0,
      { since, what },
    );
    await this.#parts.peer.said('virtual router web: MASTER', { since: peer });
  }
}

const isVip = (line: string): boolean => line.includes(`inet ${VIP}/`);
const isRemoval = (line: string): boolean => line.startsWith('Deleted');
