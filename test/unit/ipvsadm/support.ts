/** What the tests of ipvsadm's parts share. */
import type { NameSource } from '../../../src/ipvsadm/names.ts';
import type { IpAddress } from '../../../src/model/address.ts';

export const ip = (text: string): IpAddress => text as IpAddress;

/** A machine that knows one host and one port. */
export const NAMES: NameSource = {
  addressOf: async (name) => (name === 'www' ? ip('10.1.1.254') : undefined),
  portOf: (name, protocol) => (name === 'http' && protocol === 'tcp' ? 80 : undefined),
  hostOf: async (address) => (address === '10.1.1.254' ? 'www' : undefined),
  serviceOf: (port, protocol) => (port === 80 && protocol === 'tcp' ? 'http' : undefined),
};
