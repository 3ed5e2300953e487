/** What happened, one line an event: time, director, event, what it did. */
import type { VirtualAddress } from '../../src/model/virtual-router.ts';
import type { DirectorEvent, InstanceKey, Order } from '../../src/vrrp/director/event.ts';
import type { Agenda } from './agenda.ts';
import { describeEvent, describeOrder } from './describe.ts';

interface Named {
  readonly name: string;
}

export class Journal {
  agenda: Agenda | undefined;
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Where an event of no consequence came, nothing is said. */
  handled({ name }: Named, event: DirectorEvent, orders: readonly Order[]): void {
    if (orders.length === 0 && (event.type === 'timer' || event.type === 'stalls')) return;
    const did = orders.length > 0 ? ` => ${orders.map(describeOrder).join('; ')}` : '';
    this.say(`${name} ${describeEvent(event)}${did}`);
  }

  expired({ name }: Named, key: InstanceKey, addresses: readonly VirtualAddress[]): void {
    this.say(
      `${name} kernel: ${key}: the lease of ${addresses.map(({ address }) => address).join(' ')} ended`,
    );
  }

  say(text: string): void {
    this.#write(`${(this.agenda?.now ?? 0).toFixed(1).padStart(10)} ${text}`);
  }
}
