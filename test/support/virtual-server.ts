/** Virtual servers and real servers as the configuration gives them, plain but for what a test is about. */
import { type IpAddress, parseAddress } from '../../src/model/address.ts';
import type {
  ConfiguredRealServer,
  ConfiguredSorryServer,
  ConfiguredVirtualServer,
} from '../../src/model/config.ts';
import type { TableKey } from '../../src/model/ipvs-table.ts';
import { PLAIN_TUNNEL } from '../../src/model/virtual-server.ts';

function addressOf(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** An entry of the table for TCP. */
export const entryAt = (address: string, port = 80): TableKey => ({
  kind: 'address',
  protocol: 'tcp',
  address: addressOf(address),
  port,
});

export const realServerAt = (
  address: string,
  more: Partial<ConfiguredRealServer> = {},
): ConfiguredRealServer => ({
  address: addressOf(address),
  port: 80,
  weight: 1,
  forwarding: 'dr',
  tunnel: PLAIN_TUNNEL,
  sourceAddress: undefined,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...more,
});

export const sorryServerAt = (
  address: string,
  more: Partial<ConfiguredSorryServer> = {},
): ConfiguredSorryServer => ({
  address: addressOf(address),
  port: 80,
  forwarding: 'dr',
  tunnel: PLAIN_TUNNEL,
  sourceAddress: undefined,
  check: undefined,
  ...more,
});

/** TCP at 10.1.1.254:80 by direct routing, without real servers, sorry servers and check. */
export const virtualServer = (more: Partial<ConfiguredVirtualServer> = {}): ConfiguredVirtualServer => ({
  name: 'web',
  entries: [entryAt('10.1.1.254')],
  match: [],
  scheduler: 'wlc',
  schedulerFlags: [],
  persistence: undefined,
  onePacket: false,
  check: undefined,
  checkWhile: 'always',
  initial: 'down',
  onFailure: 'remove',
  quorum: { weight: 1, hysteresis: 0 },
  notify: { quorumUp: undefined, quorumDown: undefined },
  sorryServers: [],
  realServers: [],
  ...more,
});
