/** What of the kernel preparation reads and sets. */
import { kernelIdentity } from '../kernel/identity.ts';
import { linksTo } from '../kernel/main-routes.ts';
import { hasModule, loadModule } from '../kernel/modules.ts';
import { linksInUse, linksWithIpv6, readSetting, writeSetting } from '../kernel/sysctl.ts';
import type { IpAddress } from '../model/address.ts';
import type { SettingsAccess } from '../prepare/ledger.ts';
import type { ModuleKernel } from './module-loader.ts';

export interface PreparedKernel extends SettingsAccess, ModuleKernel {
  /** The interfaces of this host that have IPv6. */
  links(): readonly string[];
  /** Those by which hosts are reached over IPv4. */
  linksTo(addresses: readonly IpAddress[]): readonly string[];
  /** Those that are up and have an address. */
  linksInUse(): readonly string[];
  /** Another one after each boot and in each network namespace. */
  identity(): string;
}

/** This host's. */
export const REAL_KERNEL: PreparedKernel = {
  read: readSetting,
  write: writeSetting,
  hasModule,
  loadModule,
  links: linksWithIpv6,
  linksTo: (addresses) => linksTo(addresses),
  linksInUse,
  identity: kernelIdentity,
};
