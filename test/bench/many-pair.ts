/** Two directors with hundreds of virtual routers, and a watcher on their switch that keeps up with them. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../lab/support/lab.ts';
import type { Switch } from '../lab/support/network.ts';
import type { LabProcess } from '../lab/support/process.ts';
import type { ManyReport, ManySeen } from './many-watch.ts';
import { Director, until } from './pair.ts';
import { manyVip } from './program.ts';

export interface Roles {
  readonly active: Director;
  readonly backup: Director;
}

/** How one virtual router was taken over: times in ms since the epoch. */
export interface Announced {
  /** Of the one that died. */
  readonly lastAdvert: number;
  /** Its successor's gratuitous ARPs, at least one. */
  readonly times: readonly number[];
}

export class ManyPair {
  readonly lan: Switch;
  readonly directors: readonly [Director, Director];
  readonly #watcher: LabProcess;
  readonly #macs: ReadonlyMap<Director, string>;

  private constructor(
    lan: Switch,
    directors: readonly [Director, Director],
    watcher: LabProcess,
    macs: ReadonlyMap<Director, string>,
  ) {
    this.lan = lan;
    this.directors = directors;
    this.#watcher = watcher;
    this.#macs = macs;
  }

  /** `name`: short, of its own within the lab. */
  static async create(lab: Lab, name: string): Promise<ManyPair> {
    const lan = await lab.addSwitch(name);
    const make = async (letter: string, address: string): Promise<Director> => {
      // In one network with all the VIPs, which 10.77.0.0/16 are.
      const ports = [{ on: lan, addresses: [`${address}/15`] }];
      return new Director(await lab.addHost(`${name}-${letter}`, { ports }), address);
    };
    const directors = [await make('a', '10.76.0.1'), await make('b', '10.76.0.2')] as const;
    const watcher = await lan.node.spawn(['node', join(import.meta.dirname, 'many-watch.ts'), lan.bridge]);
    await watcher.stdout.waitFor((line) => line === 'ready', { what: 'the watcher' });
    const macs = new Map<Director, string>();
    for (const director of directors) {
      const text = await director.node.readFile('/sys/class/net/eth0/address');
      macs.set(director, text.trim().replaceAll(':', ''));
    }
    return new ManyPair(lan, directors, watcher, macs);
  }

  /** Resolves when this one is active in all of the `count` virtual routers, and announces none of them any more. */
  async settled(director: Director, count: number, interval: number): Promise<void> {
    await until(`${director.node.name} to be active in all`, async () => {
      const vrids = await this.#activeNow(interval);
      return vrids.get(director)?.size === count;
    });
  }

  /** Who is active in all now; throws when neither is. */
  async rolesOf({ active, backup }: Roles, count: number, interval: number): Promise<Roles> {
    const vrids = await this.#activeNow(interval);
    const [first, second] = [vrids.get(active)?.size ?? 0, vrids.get(backup)?.size ?? 0];
    if (first === count && second === 0) return { active, backup };
    if (second === count && first === 0) return { active: backup, backup: active };
    throw new Error(`${this.lan.name}: active in ${first} and ${second} of ${count} virtual routers`);
  }

  /**
   * Lets the active one die at a random point of its interval, and gives how each virtual router that was taken over
   * was, by what is heard within `patience` ms.
   */
  async death(
    { active, backup }: Roles,
    count: number,
    interval: number,
    patience: number,
  ): Promise<readonly Announced[]> {
    await this.#report();
    await delay(interval * (1.2 + Math.random()));
    await active.die();
    await delay(patience);
    const seen = await this.#report();
    const announced: Announced[] = [];
    for (let vrid = 1; vrid <= count; vrid++) {
      const times = this.#of(seen, backup, manyVip(vrid));
      const lastAdvert = this.#of(seen, active, vrid).findLast((time) => time < (times[0] ?? 0));
      if (lastAdvert !== undefined) announced.push({ lastAdvert, times });
    }
    return announced;
  }

  /** Times of the adverts of a VRID, or of the announcements of an address. */
  #of(seen: readonly ManySeen[], director: Director, what: number | string): number[] {
    const mac = this.#macs.get(director);
    return seen.flatMap(([time, , from, about]) => (from === mac && about === what ? [time] : []));
  }

  /** The VRIDs that each advertises. */
  async #activeNow(interval: number): Promise<ReadonlyMap<Director, ReadonlySet<number>>> {
    await this.#report();
    await delay(interval * 1.2 + 20);
    const seen = await this.#report();
    return new Map(
      this.directors.map((director) => {
        const mac = this.#macs.get(director);
        const own = seen.filter(([, kind, from]) => kind === 'advert' && from === mac);
        return [director, new Set(own.map(([, , , about]) => Number(about)))];
      }),
    );
  }

  /** What was seen since the last report. */
  async #report(): Promise<readonly ManySeen[]> {
    const since = this.#watcher.stdout.mark;
    this.#watcher.write('report\n');
    const line = await this.#watcher.stdout.waitFor(() => true, { since, what: 'the watcher to report' });
    const { seen, lost }: ManyReport = JSON.parse(line);
    if (lost > 0) throw new Error(`${this.lan.name}: the watcher missed ${lost} frames`);
    return seen;
  }
}
