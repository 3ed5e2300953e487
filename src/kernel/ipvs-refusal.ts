import { familyOf, isLoopback, isNotUnicast } from '../model/address.ts';
import type { TableOperation, TableRealServer } from '../model/ipvs-table.ts';
import { KernelError } from './kernel-error.ts';

/**
 * IPVS gives bare error numbers, and the same one for several reasons. This adds what they mean for the operation and
 * what to do, as far as net/netfilter/ipvs/ip_vs_ctl.c tells.
 */
export function explainRefusal(operation: TableOperation, error: KernelError): KernelError {
  const advice = adviceFor(operation, error.code);
  return advice === undefined ? error : new KernelError(error, error.errno, error.kernelText, advice);
}

function adviceFor(operation: TableOperation, code: string): string | undefined {
  switch (code) {
    case 'EPERM':
      return 'this needs CAP_NET_ADMIN';
    case 'ESRCH':
      return 'the table has no such virtual server';
    case 'EEXIST':
      return 'somebody else has added it already';
    case 'ENOENT':
      return 'settings' in operation
        ? missingModule(operation.settings)
        : 'the virtual server has no such real server';
    case 'EINVAL':
      return 'realServer' in operation ? invalidRealServer(operation.realServer) : undefined;
    case 'EPROTONOSUPPORT':
      return 'this kernel is built without that protocol or that address family for IPVS';
    default:
      return undefined;
  }
}

function missingModule({ scheduler, engine }: { scheduler: string; engine: string }): string {
  const one = `the kernel has no scheduler ${scheduler}: load it with \`modprobe ip_vs_${scheduler}\``;
  return engine === '' ? one : `${one}, or no persistence engine ${engine}: \`modprobe ip_vs_pe_${engine}\``;
}

function invalidRealServer({ address, forwarding }: TableRealServer): string {
  if (isNotUnicast(address)) return `${address} is no address of a host`;
  if (isLoopback(address)) return `${address} is not an address of this director: is the link lo up?`;
  if (familyOf(address) === 'ipv6' && forwarding !== 'tun')
    return `${address} must be a unicast address, and of the virtual server's family unless forwarding is tun`;
  return `there must be a route to ${address}, and links that are up; another family than the virtual server's needs tun`;
}
