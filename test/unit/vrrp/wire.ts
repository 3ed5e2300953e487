/** Messages for the tests of the wire: real ones from files, and made ones. */
import { readFileSync } from 'node:fs';
import { type IpAddress, parseAddress } from '../../../src/model/address.ts';
import { centiseconds, instant, milliseconds } from '../../../src/model/units.ts';
import type { HmacKey } from '../../../src/model/virtual-router.ts';
import type { Advertisement, Credential } from '../../../src/vrrp/advertisement.ts';
import { type SecretKey, secretKey } from '../../../src/vrrp/authentication/hmac.ts';
import type { Sequence } from '../../../src/vrrp/authentication/sequence.ts';
import { passwordBytes } from '../../../src/vrrp/authentication/text.ts';
import type { ChecksumForm } from '../../../src/vrrp/checksum.ts';
import type { LocalRouter } from '../../../src/vrrp/receive-checks.ts';

/** A packet that was captured from another implementation. */
export interface Vector {
  readonly name: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly ttl: number;
  /** Milliseconds since 1970, when it was captured. */
  readonly date?: number;
  /** Hexadecimal. */
  readonly message: string;
  readonly checksum: ChecksumForm;
  /** Bytes of the message without a trailer. */
  readonly length: number;
  readonly advertisement: Advertisement;
  readonly password?: string;
  readonly key?: HmacKey;
  readonly sequence?: Sequence;
}

const vectorsOf = (name: string): readonly Vector[] =>
  JSON.parse(readFileSync(new URL(`../../vectors/vrrp/${name}.json`, import.meta.url), 'utf8'));

export const VECTORS: readonly Vector[] = [...vectorsOf('adverts'), ...vectorsOf('keepalived-2.4')];

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
export const hex = (message: Uint8Array): string => Buffer.from(message).toString('hex');

export function ip(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

/** How the sender of a vector showed who it is. */
export function credentialOf({ key, sequence, password }: Vector): Credential {
  if (password !== undefined) return { type: 'text', password: passwordBytes(password) };
  return key && sequence ? { type: 'hmac', key: secretKey(key), sequence } : { type: 'none' };
}

export const GROUP = ip('224.0.0.18');
export const GROUP6 = ip('ff02::12');
export const PEER = ip('10.1.1.12');
export const PEER6 = ip('fe80::12');
/** 2026-11-21 00:00 UTC. */
export const DATE = milliseconds(1_795_219_200_000);
/** The same moment by the monotonic clock. */
export const NOW = instant(10_000);

export const KEY: SecretKey = secretKey({ id: 1, secret: '01'.repeat(32) });
export const NEXT_KEY: SecretKey = secretKey({ id: 2, secret: '02'.repeat(64) });

export const advertOf = (changes: Partial<Advertisement> = {}): Advertisement => ({
  version: 3,
  vrid: 51,
  priority: 150,
  maxAdvertiseInterval: centiseconds(100),
  addresses: [ip('10.1.1.254')],
  ...changes,
});

export const localOf = (changes: Partial<LocalRouter> = {}): LocalRouter => ({
  vrid: 51,
  version: 3,
  family: 'ipv4',
  isOwner: false,
  addresses: [ip('10.1.1.254')],
  source: ip('10.1.1.11'),
  advertInterval: centiseconds(100),
  authentication: { type: 'none' },
  path: { transport: 'multicast' },
  ...changes,
});
