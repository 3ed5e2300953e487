/**
 * One network interface as its virtual routers use it: the socket, the announcer, its condition, its addresses.
 * The interface may vanish and come back under another index at any time; everything here follows it by its name.
 */

import type { Addresses, AddressRefusal, InterfaceAddress } from '../../kernel/addresses.ts';
import { type Announcer, openAnnouncer } from '../../kernel/announce.ts';
import type { Link } from '../../kernel/links.ts';
import type { IpAddress, Prefix } from '../../model/address.ts';
import type { VirtualRouter } from '../../model/config.ts';
import type { Seconds } from '../../model/units.ts';
import type { Reactor } from '../../sys/reactor.ts';
import type { InterfacePort } from './instance.ts';
import { obstacle, sourceAddress } from './interface-view.ts';
import { type RemoteInfo, VrrpSocket } from './socket.ts';
import type { ThrottledLog } from './throttle.ts';

export interface InterfaceContext {
  readonly reactor: Reactor;
  readonly addresses: Addresses;
  readonly complain: ThrottledLog;
  onMessage(message: Uint8Array, remote: RemoteInfo): void;
}

interface Opened {
  readonly link: Link;
  readonly socket: VrrpSocket;
  readonly announcer: Announcer;
}

export class RouterInterface implements InterfacePort {
  readonly name: string;
  readonly #context: InterfaceContext;
  #opened: Opened | undefined;
  #held: readonly InterfaceAddress[] = [];
  #source: IpAddress | undefined;
  #obstacle: string | undefined;
  #failed = false;

  constructor(name: string, context: InterfaceContext) {
    this.name = name;
    this.#context = context;
    this.#obstacle = obstacle(name, undefined, undefined);
  }

  /** Where our adverts come from; undefined while there is none. */
  get source(): IpAddress | undefined {
    return this.#source;
  }

  /** Why nothing can be sent, in words. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** The addresses that the kernel held at the last refresh. */
  get held(): readonly InterfaceAddress[] {
    return this.#held;
  }

  /** Whether the last refresh met an error, which may pass without any notice of the kernel's. */
  get failed(): boolean {
    return this.#failed;
  }

  get index(): number | undefined {
    return this.#opened?.link.index;
  }

  /** Takes in how the link stands now, lists its addresses, and opens or closes what depends on it. */
  refresh(link: Link | undefined, routers: readonly VirtualRouter[]): void {
    const before = this.#opened?.link;
    // Another index or Ethernet address: the sockets are bound to what is gone.
    if (before && (before.index !== link?.index || before.mac !== link.mac)) this.#shut();
    this.#failed = false;
    try {
      this.#held = this.#list(link);
      this.#source = sourceAddress(this.#held, routers);
      this.#obstacle = obstacle(this.name, link, this.#source);
      if (link && this.#obstacle === undefined) this.#open(link);
    } catch (error) {
      this.#failed = true;
      this.#obstacle = `interface ${this.name} cannot be used: ${messageOf(error)}`;
      this.#context.complain(`open ${this.name}`, 'error', this.#obstacle, { interface: this.name });
    }
  }

  /** Handles what is queued in the socket. */
  drain(): void {
    this.#opened?.socket.drain();
  }

  /** False when it could not be sent; that is logged. */
  send(message: Uint8Array): boolean {
    return this.#attempt('send an advert', ({ socket }) => socket.send(message));
  }

  /** Puts addresses; those that the kernel refuses are logged, and the rest is put all the same. */
  put(prefixes: readonly Prefix[], lifetime: Seconds): void {
    this.#change('put', prefixes, (index) => this.#context.addresses.put(index, prefixes, lifetime));
  }

  /** Renews without waiting for the kernel; what it refuses is logged when it says so. */
  renew(prefixes: readonly Prefix[], lifetime: Seconds): void {
    if (prefixes.length === 0) return;
    this.#attempt('renew addresses', ({ link }) =>
      this.#context.addresses.renew(link.index, prefixes, lifetime, ({ prefix, error }) =>
        this.#complain(`renew ${prefix.address}`, error),
      ),
    );
  }

  remove(prefixes: readonly Prefix[]): void {
    this.#change('remove', prefixes, (index) => this.#context.addresses.remove(index, prefixes));
  }

  announce(addresses: readonly IpAddress[]): void {
    this.#attempt('announce addresses', ({ announcer }) => announcer.announce(addresses));
  }

  close(): void {
    this.#shut();
  }

  /** Where they cannot be listed, the link's addresses are taken to be what they were: no reason to stop. */
  #list(link: Link | undefined): readonly InterfaceAddress[] {
    if (link === undefined) return [];
    try {
      return this.#context.addresses.list(link.index);
    } catch (error) {
      if (this.#opened === undefined) throw error;
      this.#failed = true;
      this.#complain('list the addresses', error);
      return this.#held;
    }
  }

  #open(link: Link): void {
    const opened = this.#opened;
    if (opened) {
      this.#opened = { ...opened, link };
    } else {
      this.#context.addresses.prepare(link.index);
      const socket = new VrrpSocket(this.#context.reactor, link);
      try {
        this.#opened = { link, socket, announcer: openAnnouncer(link) };
      } catch (error) {
        socket.close();
        throw error;
      }
      socket.onMessage((message, remote) => this.#context.onMessage(message, remote));
      socket.onError((error) => this.#complain('receive', error));
    }
    if (this.#source !== undefined) this.#opened?.socket.setSource(this.#source);
  }

  #shut(): void {
    this.#opened?.socket.close();
    this.#opened?.announcer.close();
    this.#opened = undefined;
  }

  #change(
    verb: string,
    prefixes: readonly Prefix[],
    make: (index: number) => readonly AddressRefusal[],
  ): void {
    if (prefixes.length === 0) return;
    this.#attempt(`${verb} addresses`, ({ link }) => {
      for (const { prefix, error } of make(link.index)) this.#complain(`${verb} ${prefix.address}`, error);
    });
  }

  /** None of what can fail here is worth the process: the link may be on its way out, and its notice under way. */
  #attempt(what: string, action: (opened: Opened) => void): boolean {
    if (this.#opened === undefined) return false;
    try {
      action(this.#opened);
      return true;
    } catch (error) {
      this.#complain(what, error);
      return false;
    }
  }

  #complain(what: string, error: unknown): void {
    this.#context.complain(
      `${what} ${this.name}`,
      'warn',
      `interface ${this.name}: cannot ${what}: ${messageOf(error)}`,
      { interface: this.name },
    );
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
