/** Machines, the networks between them, the arbiter and the fence agent, in virtual time. */
import type { IpAddress } from '../../src/model/address.ts';
import type { VirtualAddress } from '../../src/model/virtual-router.ts';
import type { InstanceKey } from '../../src/vrrp/director/event.ts';
import { instancesOf, type Member } from '../../src/vrrp/director/member.ts';
import { advertisementOf, type State } from '../../src/vrrp/machine.ts';
import { Agenda } from './agenda.ts';
import { Etcd } from './etcd.ts';
import { inflict } from './inflict.ts';
import type { Journal } from './journal.ts';
import { Machine } from './machine.ts';
import { Ownership } from './ownership.ts';
import { Random } from './random.ts';
import type { Setting } from './setting.ts';
import { Wire } from './wire.ts';

export interface Change {
  readonly at: number;
  readonly machine: string;
  readonly key: InstanceKey;
  readonly from: State['name'];
  readonly to: State['name'];
}

export class World {
  readonly agenda = new Agenda();
  readonly setting: Setting;
  readonly random: Random;
  readonly wire: Wire;
  readonly etcd: Etcd;
  readonly machines: readonly Machine[];
  readonly keys: readonly InstanceKey[];
  readonly ownership: Ownership;
  readonly changes: Change[] = [];
  readonly problems: string[] = [];
  /** Hand-overs by command that were not answered yet. */
  readonly unanswered = new Map<number, number>();
  /** When something was wrong with the network. */
  readonly troubles: { from: number; to: number }[] = [];
  /** Who hears whom in the end. */
  parts: readonly (readonly Machine[])[];
  fenceAgent: 'kill' | 'fail' | 'hang' = 'kill';
  readonly journal: Journal | undefined;
  #handovers = 0;
  /** Numbers of the fences that a running agent answers. */
  readonly #agents = new Map<Machine['process'], number[]>();

  constructor(setting: Setting, journal?: Journal) {
    this.setting = setting;
    this.journal = journal;
    this.random = new Random(setting.seed ^ 0x5eed);
    this.wire = new Wire(setting, this.agenda, this.random);
    this.etcd = new Etcd(setting.ttl);
    this.machines = setting.directors.map((director, index) => new Machine(index, director, this));
    const routers = setting.directors.flatMap((director) => director.routers);
    this.keys = [...new Set(routers.flatMap((router) => instancesOf(router).map(({ key }) => key)))];
    this.parts = [this.machines];
    this.ownership = new Ownership(this.keys, this.machines);
    for (const fault of setting.faults) this.agenda.add(fault.at, () => inflict(this, fault));
  }

  note(): void {
    this.ownership.note(this.agenda.now);
  }

  /** To be told when the faults are over: what is cut now stays so. */
  divide(): void {
    const last = this.setting.faults.findLast(({ fault }) => fault === 'partition' || fault === 'heal-all');
    if (last?.fault !== 'partition' || this.setting.arbiter !== undefined) return;
    const { side } = last;
    const apart = [true, false].map((inside) =>
      this.machines.filter(({ index }) => side.includes(index) === inside),
    );
    this.parts = apart;
    this.ownership.divide(apart, this.agenda.now);
  }

  /** To be told after every change to the network. */
  wireChanged(): void {
    const last = this.troubles.at(-1);
    const wrong = last !== undefined && last.to === Number.POSITIVE_INFINITY;
    if (!this.wire.isWhole && !wrong)
      this.troubles.push({ from: this.agenda.now, to: Number.POSITIVE_INFINITY });
    if (this.wire.isWhole && wrong) last.to = this.agenda.now;
  }

  forgetHandovers(director: number): void {
    for (const [id, of] of this.unanswered) if (of === director) this.unanswered.delete(id);
  }

  broken(rule: string): void {
    if (this.problems.length < 20) this.problems.push(`${this.agenda.now.toFixed(1)} ms: ${rule}`);
  }

  changed(machine: Machine, key: InstanceKey, from: State['name'], to: State['name']): void {
    if (from !== to) this.changes.push({ at: this.agenda.now, machine: machine.name, key, from, to });
  }

  sendAdvert(from: Machine, { key, router, parameters }: Member, priority: number): void {
    const advertisement = advertisementOf(parameters, priority);
    for (const [path, { interface: name }] of router.heartbeat.entries()) {
      const network = Number(name.slice(3));
      const source = from.addressOn(key, network);
      this.#toOthers(from, network, (to) => {
        to.tell({ type: 'advert', key, path, source, local: to.addressOn(key, network), advertisement });
      });
    }
  }

  sendPresence(from: Machine, { key, router, parameters }: Member, asks: boolean): void {
    const { priority } = parameters;
    for (const [path, { interface: name }] of router.heartbeat.entries()) {
      const network = Number(name.slice(3));
      const source = from.addressOn(key, network);
      this.#toOthers(from, network, (to) => {
        to.tell({ type: 'presence', key, path, source, priority, asks });
      });
    }
  }

  #toOthers(from: Machine, network: number, deliver: (to: Machine) => void): void {
    for (const to of this.machines) {
      if (to === from) continue;
      this.wire.send(network, from.index, to.index, () => {
        if (!to.off && to.paused !== 'machine') deliver(to);
      });
    }
  }

  /** Whoever has one of the addresses and hears the question answers it. */
  probe(from: Machine, key: InstanceKey, addresses: readonly VirtualAddress[]): void {
    const network = Number(key.slice(3, key.indexOf(' ')));
    for (const to of this.machines) {
      if (to === from) continue;
      this.wire.send(network, from.index, to.index, () => {
        const answered = addresses.find(({ address }) => to.kernelRuns && to.kernel.answersFor(address));
        if (answered === undefined) return;
        this.wire.send(network, to.index, from.index, () => {
          from.tell({ type: 'claim', key, address: answered.address, mac: `02:00:00:00:00:0${to.index}` });
        });
      });
    }
  }

  /** A manager runs one agent at a time: who asks meanwhile gets the same answer. */
  fence(from: Machine, id: number, peer: IpAddress | undefined): void {
    const running = this.#agents.get(from.process);
    if (running !== undefined) {
      running.push(id);
      return;
    }
    const victim = this.machines.find((machine) =>
      this.keys.some((key) =>
        Array.from({ length: this.setting.networks }, (_, network) => network).some(
          (network) => machine.addressOn(key, network) === peer,
        ),
      ),
    );
    const does = victim === undefined ? 'fail' : this.fenceAgent;
    const duration = does === 'hang' ? 3000 : this.random.between(50, 800);
    const ids = [id];
    const { process } = from;
    this.#agents.set(process, ids);
    this.agenda.in(duration, () => {
      this.#agents.delete(process);
      if (does === 'kill' && victim !== undefined && !victim.off) this.#reboot(victim);
      if (from.process !== process) return;
      const reason = does === 'kill' ? 'off' : does === 'hang' ? 'timed out after 3 s' : 'exit code 1';
      for (const each of ids) from.tell({ type: 'fenced', id: each, done: does === 'kill', reason });
    });
  }

  /** One that was alive comes up again by itself. */
  #reboot(victim: Machine): void {
    const wasThere = victim.process !== undefined;
    this.journal?.say(`${victim.name} is fenced`);
    victim.kill('machine');
    if (!wasThere) return;
    // No machine boots sooner.
    this.agenda.in(this.random.between(6000, 9000), () => {
      victim.off = false;
      victim.start();
    });
  }

  /** The number of a new one. */
  askForHandover(director: number): number {
    this.unanswered.set(++this.#handovers, director);
    return this.#handovers;
  }

  handedOver(id: number): void {
    if (!this.unanswered.delete(id))
      this.broken(`a hand-over with the number ${id} was answered without a question`);
  }
}
