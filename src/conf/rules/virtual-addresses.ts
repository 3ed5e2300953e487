/** The addresses (VIPs) of virtual routers. */
import { addressToBytes, isLoopback, isNotUnicast, type Prefix } from '../../model/address.ts';
import { errorAt, type Finding, type Path } from '../finding.ts';
import { type ConfigDraft, duplicates, virtualRoutersOf } from './draft.ts';

interface VirtualAddress {
  readonly router: string;
  readonly path: Path;
  readonly prefix: Prefix;
}

export function virtualAddressFindings(draft: ConfigDraft): readonly Finding[] {
  const addresses = virtualRoutersOf(draft).flatMap(({ name, path, value }) =>
    (value.addresses ?? []).flatMap((prefix, index): VirtualAddress[] =>
      prefix === undefined ? [] : [{ router: name, path: [...path, 'addresses', index], prefix }],
    ),
  );
  return [...addresses.flatMap(unusable), ...duplicates(addresses, ({ prefix }) => prefix.address, clash)];
}

function unusable({ path, prefix }: VirtualAddress): readonly Finding[] {
  const { address } = prefix;
  if (isLoopback(address))
    return [errorAt(path, `${address} is a loopback address: no other host can reach it`)];
  if (isNotUnicast(address))
    return [errorAt(path, `${address} is no address of a host: give a unicast address`)];
  const role = roleInNetwork(prefix);
  if (role === undefined) return [];
  return [
    errorAt(path, `${address} is the ${role} of its /${prefix.length}: give a host's, or another length`),
  ];
}

/** The first and the last address of a network are no host's; /31 (RFC 3021) and /32 have none of the two. */
function roleInNetwork({ address, length }: Prefix): 'network address' | 'broadcast address' | undefined {
  if (length > 30) return undefined;
  const masks = [0, 8, 16, 24].map((start) => 0xff >> Math.min(8, Math.max(0, length - start)));
  const hostBits = [...addressToBytes(address)].map((byte, i) => byte & (masks[i] ?? 0));
  if (hostBits.every((bits) => bits === 0)) return 'network address';
  return hostBits.every((bits, i) => bits === masks[i]) ? 'broadcast address' : undefined;
}

function clash({ router, path, prefix }: VirtualAddress, first: VirtualAddress): Finding {
  const where = first.router === router ? 'this virtual router' : `virtual router "${first.router}"`;
  const lengths =
    first.prefix.length === prefix.length
      ? ''
      : ` (as /${first.prefix.length}, and here as /${prefix.length})`;
  return errorAt(path, `${prefix.address} is an address of ${where} already${lengths}: remove one of them`);
}
