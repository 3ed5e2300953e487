/**
 * The vrrp process: virtual routers, their addresses and announcements, and nothing that could hold them up.
 *
 *     manager ──configure, query, stop──▶ ┌─────────────────┐ ◀──adverts──▶ raw socket, one for each interface
 *             ◀──state, status, log────── │ virtual routers │ ◀──notices─── rtnetlink: links and addresses
 *                                         └─────────────────┘ ───────────▶ rtnetlink: addresses; ARP announcements
 *
 * It ends in good order, with every address handed over, when it is told to, when the manager is gone, and on SIGTERM
 * or SIGINT. If it crashes the leases of its addresses let its successor go on with them.
 */
import { setPriority } from 'node:os';
import { openAddresses } from '../../kernel/addresses.ts';
import { openGroupNeighbours } from '../../kernel/group-neighbours.ts';
import { openLinks } from '../../kernel/links.ts';
import { openMacvlans } from '../../kernel/macvlan.ts';
import { openRoutes } from '../../kernel/routes.ts';
import { openRules } from '../../kernel/rules.ts';
import { watchNetwork } from '../../kernel/watch.ts';
import type { ManagerToVrrp } from '../../model/messages.ts';
import { reasonOf } from '../../model/reason.ts';
import { milliseconds } from '../../model/units.ts';
import { monotonicNow } from '../../sys/clock.ts';
import { Reactor } from '../../sys/reactor.ts';
import { setRealtime } from '../../sys/realtime.ts';
import type { VrrpKernel } from './context.ts';
import { type ManagerChannel, openManagerChannel } from './manager-channel.ts';
import { prepareCompiler, rehearse, rehearseForMany } from './rehearsal.ts';
import { throttle } from './throttle.ts';
import { VirtualRouters } from './virtual-routers.ts';

/** The nice value of this process: the manager may be reading a long file just when an advert is due. */
const NICE = -10;
/** What may repeat without end (a flood, a link that flaps) has one line in this time. */
const COMPLAINT_INTERVAL = milliseconds(60_000);
/** How long the last messages may take to reach a manager that does not read. */
const FAREWELL_LIMIT = milliseconds(500);

/** Runs until it is stopped; the process then exits with 0. Throws where the kernel's network cannot be reached. */
export async function runVrrpProcess(): Promise<void> {
  goAhead();
  prepareCompiler();
  const stopped = Promise.withResolvers<void>();
  const channel = openManagerChannel(
    (message) => orders.receive(message),
    () => orders.stop('the manager is gone'),
  );
  // Node then ends the process as it would have; the manager starts another, which resumes.
  process.on('uncaughtExceptionMonitor', (error) => {
    channel.log('error', `vrrp process: ${error.message}`, { stack: error.stack });
  });
  // A terminal that is closed: the manager decides.
  process.on('SIGHUP', () => undefined);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => orders.stop(signal));

  const network = openNetwork(channel, () => stopped.resolve());
  const orders = new Orders(channel, network);
  channel.send({ type: 'ready' });
  rehearse(network.reactor, network.kernel);
  await stopped.promise;
  // A renewal that is still under way would put an address back after its removal.
  await Promise.all([network.kernel.addresses.settled(), network.kernel.macvlans.settled()]);
  network.close();
  channel.close();
  setTimeout(() => process.exit(0), FAREWELL_LIMIT).unref();
}

/** What this process is told to do. */
class Orders {
  readonly #channel: ManagerChannel;
  readonly #network: ReturnType<typeof openNetwork>;
  /** Why it is to stop. */
  readonly #causes = new Set<string>();
  #realtime = false;
  #rehearsed = false;

  constructor(channel: ManagerChannel, network: ReturnType<typeof openNetwork>) {
    this.#channel = channel;
    this.#network = network;
  }

  receive(message: ManagerToVrrp): void {
    const { routers } = this.#network;
    switch (message.type) {
      case 'configure':
        this.#configure(message);
        break;
      case 'verdicts':
        routers.verdicts(message.verdicts);
        break;
      case 'lease':
      case 'fenced':
      case 'handover':
      case 'restore':
        routers.tell(message);
        break;
      case 'record':
        routers.record(message.on);
        break;
      case 'query':
        this.#channel.send(
          message.brief ? { type: 'alive' } : { type: 'status', id: message.id, ...routers.status() },
        );
        break;
      case 'stop':
        this.stop('stopped');
        break;
      default:
        message satisfies never;
    }
  }

  /** The same cause a second time is impatience: nothing is waited for any more. */
  stop(cause: string): void {
    const { routers } = this.#network;
    if (this.#causes.has(cause)) routers.abandon(`${cause}, twice`);
    else if (this.#causes.size === 0) routers.stop(cause);
    this.#causes.add(cause);
  }

  #configure(message: Extract<ManagerToVrrp, { type: 'configure' }>): void {
    const { routers, reactor, kernel } = this.#network;
    this.#realtime = switchRealtime(this.#channel, this.#realtime, message.realtime);
    routers.verdicts(message.verdicts);
    routers.configure(message);
    this.#channel.send({ type: 'configured' });
    if (!this.#rehearsed) rehearseForMany(message.network.routers.length, reactor, kernel);
    this.#rehearsed = true;
  }
}

/** On Linux this is about the calling thread, and those that it begins from now on. */
function goAhead(): void {
  try {
    setPriority(NICE);
  } catch {
    // Without CAP_SYS_NICE or an RLIMIT_NICE it is a process among others, which on most machines does as well.
  }
}

function openNetwork(channel: ManagerChannel, onStopped: () => void) {
  const reactor = new Reactor();
  const links = openLinks();
  const opened = {
    addresses: openAddresses(),
    routes: openRoutes(),
    rules: openRules(),
    macvlans: openMacvlans(),
    groups: openGroupNeighbours(),
  };
  const kernel: VrrpKernel = { ...opened, listLinks: () => links.list() };
  // Watched before it is listed, so that no change falls in between.
  const watch = watchNetwork(reactor, (event) => routers.onNetwork(event), {
    onRouting: (event) => routers.onRouting(event),
  });
  const routers = new VirtualRouters({
    reactor,
    kernel,
    now: monotonicNow,
    date: Date.now,
    complain: throttle(channel.log, monotonicNow, COMPLAINT_INTERVAL),
    send: (message) => channel.send(message),
    onStopped,
  });
  return {
    routers,
    reactor,
    kernel,
    close() {
      watch.close();
      routers.close();
      for (const part of Object.values(opened)) part.close();
      links.close();
      reactor.close();
    },
  };
}

/** Returns whether the process is realtime now. Where it may not be it runs all the same, and says so. */
function switchRealtime(channel: ManagerChannel, is: boolean, wanted: boolean): boolean {
  if (is === wanted) return is;
  try {
    setRealtime(wanted);
    return wanted;
  } catch (error) {
    const why = reasonOf(error);
    channel.log(
      'error',
      `vrrp process: cannot run under SCHED_RR, so adverts may be late under load: ${why}`,
      {
        advice:
          'grant CAP_SYS_NICE (systemd: AmbientCapabilities) or set LimitRTPRIO, or set vrrp.realtime to false',
      },
    );
    return is;
  }
}
