/** What the doctor sees of this host. */
import { release } from 'node:os';
import { z } from 'zod';
import { type InterfaceAddress, openAddresses } from '../kernel/addresses.ts';
import { type Link, openLinks } from '../kernel/links.ts';
import { hasModule } from '../kernel/modules.ts';
import { type IpAddress, type MacAddress, parseAddress } from '../model/address.ts';
import type { KernelFacts } from './kernel-features.ts';
import { ask } from './programs.ts';

export interface Sight {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
}

/** Throws SystemError, KernelError. */
export function lookAtNetwork(): Sight {
  const links = openLinks();
  const addresses = openAddresses();
  try {
    return { links: links.list(), addresses: addresses.list() };
  } finally {
    links.close();
    addresses.close();
  }
}

/** Asks modprobe, without loading anything, about what is not loaded. */
export async function lookAtKernel(names: readonly string[]): Promise<KernelFacts> {
  const loadable = new Set<string>();
  for (const name of names) {
    const known =
      hasModule(name) || (await ask('modprobe', '--dry-run', '--quiet', '--', name)) !== undefined;
    if (known) loadable.add(name);
  }
  return { release: release(), hasModule: (name) => loadable.has(name) };
}

/** Lines of the kernel's log and the audit log since boot; undefined where neither can be read. */
export async function lookAtLog(): Promise<readonly string[] | undefined> {
  const kernel =
    (await ask('journalctl', '--quiet', '--boot', '--dmesg', '--no-pager')) || (await ask('dmesg'));
  const audit = await ask('ausearch', '-m', 'avc,apparmor_denied', '-ts', 'boot', '--raw');
  if (kernel === undefined && audit === undefined) return undefined;
  return [kernel ?? '', audit ?? ''].join('\n').split('\n');
}

/** As ip(8) writes it, which is MacAddress's own form. */
const ETHERNET = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const Neighbours = z.array(z.object({ dst: z.string(), lladdr: z.string().optional() }));

/** The addresses that this host has spoken with, by their Ethernet addresses. Empty where ip(8) does not tell. */
export async function lookAtNeighbours(): Promise<ReadonlyMap<MacAddress, readonly IpAddress[]>> {
  const listed = await ask('ip', '-json', 'neigh', 'show');
  const known = new Map<MacAddress, IpAddress[]>();
  for (const { dst, lladdr } of Neighbours.parse(JSON.parse(listed?.trim() || '[]'))) {
    const address = parseAddress(dst);
    if (address === undefined || lladdr === undefined || !ETHERNET.test(lladdr)) continue;
    const mac = lladdr as MacAddress;
    known.set(mac, [...(known.get(mac) ?? []), address]);
  }
  return known;
}
