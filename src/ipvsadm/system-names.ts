/** The names that this machine knows: of hosts by its resolver, of ports by /etc/services. */
import { lookup, lookupService } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { type IpAddress, parseAddress } from '../model/address.ts';
import type { Protocol } from '../model/virtual-server.ts';
import type { NameSource } from './names.ts';

const SERVICES = '/etc/services';

interface ServiceName {
  readonly port: number;
  readonly protocol: string;
  /** The official one first. */
  readonly names: readonly string[];
}

/** services(5): a name, port/protocol, and further names; `#` begins a comment. */
export function readServices(text: string): readonly ServiceName[] {
  return text.split('\n').flatMap((line) => {
    const [name, where, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(\S+)$/.exec(where ?? '') ?? [];
    if (name === undefined || port === undefined || protocol === undefined) return [];
    return [{ port: Number(port), protocol, names: [name, ...aliases] }];
  });
}

export class SystemNames implements NameSource {
  #services: readonly ServiceName[] | undefined;

  /** undefined where the resolver does not know, or cannot be asked. */
  async addressOf(name: string): Promise<IpAddress | undefined> {
    try {
      return parseAddress((await lookup(name, { family: 4 })).address);
    } catch {
      return undefined;
    }
  }

  portOf(name: string, protocol: Protocol): number | undefined {
    return this.#all().find((each) => each.protocol === protocol && each.names.includes(name))?.port;
  }

  /** As `addressOf`. */
  async hostOf(address: IpAddress): Promise<string | undefined> {
    try {
      return (await lookupService(address, 0)).hostname;
    } catch {
      return undefined;
    }
  }

  serviceOf(port: number, protocol: Protocol): string | undefined {
    return this.#all().find((each) => each.protocol === protocol && each.port === port)?.names[0];
  }

  #all(): readonly ServiceName[] {
    this.#services ??= readServices(readServicesFile());
    return this.#services;
  }
}

/** A machine without the file has no names. */
function readServicesFile(): string {
  try {
    return readFileSync(SERVICES, 'utf8');
  } catch {
    return '';
  }
}
