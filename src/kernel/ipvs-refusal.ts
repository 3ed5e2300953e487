import { familyOf, isNotUnicast } from '../model/address.ts';
import {
  MOST_WEIGHT,
  realServerKey,
  type TableOperation,
  type TableRealServer,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import type { DaemonSpec } from '../netlink/ipvs/daemon.ts';
import { keyFamily } from '../netlink/ipvs/service.ts';
import { type Attempt, KernelError } from './kernel-error.ts';

const NEEDS_CAPABILITY = 'this needs CAP_NET_ADMIN: run it as root';
const NO_VIRTUAL_SERVER = 'the table has no such virtual server';

/** What an operation asks of the kernel, in words. */
export function attemptOf(operation: TableOperation): Attempt {
  const [verb = operation.op] = operation.op.split('-', 1);
  const server = tableKeyText(operation.key);
  return 'realServer' in operation
    ? { operation: verb, object: `real server ${realServerKey(operation.realServer)} of ${server}` }
    : { operation: verb, object: `virtual server ${server}` };
}

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
      return NEEDS_CAPABILITY;
    case 'ESRCH':
      return NO_VIRTUAL_SERVER;
    case 'EEXIST':
      return 'somebody else has added it already';
    case 'ENOENT':
      return 'settings' in operation
        ? missingModule(operation.settings)
        : 'the virtual server has no such real server';
    case 'EINVAL':
      return 'settings' in operation ? invalidSettings(operation) : invalidRealServer(operation);
    case 'ERANGE':
      return 'realServer' in operation ? outOfRange(operation.realServer) : undefined;
    case 'EBUSY':
      return 'somebody else is changing it: try again';
    case 'ENOMEM':
    case 'ENOBUFS':
    case 'ENOSPC':
      return 'the kernel has no memory for it';
    case 'EAFNOSUPPORT':
      return 'this kernel is built without IPv6 for IPVS';
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

function invalidSettings({
  key,
  settings,
}: Extract<TableOperation, { settings: unknown }>): string | undefined {
  if (keyFamily(key) === 'ipv6' && settings.granularity === 0) return 'an IPv6 granularity is 1 to 128';
  return settings.scheduler.length > 15 ? 'the name of a scheduler has up to 15 letters' : undefined;
}

function outOfRange({ weight, upperThreshold, lowerThreshold }: TableRealServer): string | undefined {
  if (weight > MOST_WEIGHT) return `a weight is 0 to ${MOST_WEIGHT}, not ${weight}`;
  return lowerThreshold > upperThreshold
    ? `the lower threshold (${lowerThreshold}) must not exceed the upper one (${upperThreshold})`
    : undefined;
}

function invalidRealServer(operation: TableOperation): string | undefined {
  if (!('realServer' in operation)) return undefined;
  const { address, forwarding } = operation.realServer;
  const { kind, port } = tunnelOf(operation.realServer);
  if (kind === 'gue' && port === 0) return 'a gue tunnel needs a port';
  if (isNotUnicast(address)) return `${address} is no address of a host`;
  if (familyOf(address) !== keyFamily(operation.key)) {
    return forwarding === 'tun'
      ? "a family other than the virtual server's does not go together with connection synchronisation"
      : `another family than the virtual server's needs tun, not ${forwarding}`;
  }
  return familyOf(address) === 'ipv6'
    ? `${address} must be a unicast address beyond the link`
    : `${address} is a broadcast address here, or no link has an address yet: is lo up?`;
}

/** As `explainRefusal`, for what is asked or set of the table as a whole, and for counters. */
export function explainTableRefusal(error: KernelError): KernelError {
  const advice = tableAdvice(error.code);
  return advice === undefined ? error : new KernelError(error, error.errno, error.kernelText, advice);
}

function tableAdvice(code: string): string | undefined {
  switch (code) {
    case 'EPERM':
      return NEEDS_CAPABILITY;
    case 'ESRCH':
      return NO_VIRTUAL_SERVER;
    case 'EINVAL':
      return 'a time-out is up to 2147483647 of the kernel’s clock ticks: 2147483 s where it has 1000 a second';
    default:
      return undefined;
  }
}

/** `master sync daemon 7 on eth0`. */
export const daemonText = (spec: DaemonSpec): string =>
  `${spec.role} sync daemon ${spec.syncId} on ${spec.interface}`;

/** As `explainRefusal`, for net/netfilter/ipvs/ip_vs_sync.c. */
export function explainDaemonRefusal(spec: DaemonSpec, error: KernelError): KernelError {
  const advice = daemonAdvice(spec, error.code);
  return advice === undefined ? error : new KernelError(error, error.errno, error.kernelText, advice);
}

function daemonAdvice(spec: DaemonSpec, code: string): string | undefined {
  switch (code) {
    case 'EPERM':
      return NEEDS_CAPABILITY;
    case 'EEXIST':
      return `a ${spec.role} sync daemon runs already`;
    case 'ENODEV':
      return `there is no link ${spec.interface}`;
    case 'EADDRNOTAVAIL':
      return `${spec.interface} has no address to multicast from`;
    case 'EINVAL':
      return 'the group must be a multicast address, and no virtual server may have real servers of the other family';
    default:
      return undefined;
  }
}
