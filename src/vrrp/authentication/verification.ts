/** Whether a received message comes from who may speak, by whatever the virtual router is configured with. */
import type { KeyObject } from 'node:crypto';
import type { IpAddress } from '../../model/address.ts';
import type { Instant } from '../../model/units.ts';
import { authDataOf, authTypeOf, type Decoded } from '../advertisement.ts';
import { decodeTrailer, isKnownTrailer, isSignedWith, TRAILER_BYTES, type Trailer } from './hmac.ts';
import { acceptSequence, type Freshness, type ReplayState, type SequenceVerdict } from './sequence.ts';
import { AUTH_TYPE, isPassword } from './text.ts';

/** What messages must show. */
export type Verification =
  | { readonly type: 'none' }
  /** Version 2 only; `password` as `passwordBytes` gives it. */
  | { readonly type: 'text'; readonly password: Uint8Array }
  | {
      readonly type: 'hmac';
      /** By their IDs: any of them is accepted. */
      readonly keys: ReadonlyMap<number, KeyObject>;
      /** What is known of each sender: the `mark` of the last verdict. */
      readonly marks: ReadonlyMap<IpAddress, ReplayState>;
    };

/** What a message shows of itself. */
export interface Shown {
  /** The message, and what follows it. */
  readonly message: Uint8Array;
  /** Of the message alone. */
  readonly length: number;
  readonly source: IpAddress;
  /** The field Auth Type; none in version 3, which has no such field. */
  readonly authType: number;
  /** Read only where keys are configured. */
  readonly trailer: Trailer | undefined;
}

export function shownBy(
  { message, source }: { readonly message: Uint8Array; readonly source: IpAddress },
  { advertisement, length }: Exclude<Decoded, { fault: string }>,
  { type }: Verification,
): Shown {
  const authType = advertisement.version === 2 ? authTypeOf(message) : AUTH_TYPE.none;
  const trailer = type === 'hmac' ? decodeTrailer(message.subarray(length)) : undefined;
  return { message, length, source, authType, trailer };
}

/**
 * Whether the message is authenticated in the way that is configured, rightly or not. Where nothing is, a trailer is
 * let through unread, so that a key can be introduced on one director after the other, the active one first.
 */
export function isExpectedType({ type }: Verification, { authType, trailer }: Shown): boolean {
  switch (type) {
    case 'none':
      return authType === AUTH_TYPE.none;
    case 'text':
      return authType === AUTH_TYPE.text;
    case 'hmac':
      return authType === AUTH_TYPE.none && trailer !== undefined && isKnownTrailer(trailer);
    default:
      return type satisfies never;
  }
}

/** Whether the password or HMAC of a message of the expected type is right. */
export function isAuthentic(verification: Verification, shown: Shown): boolean {
  const { message, length, source, trailer } = shown;
  switch (verification.type) {
    case 'none':
      return true;
    case 'text':
      return isPassword(authDataOf(message, length), verification.password);
    case 'hmac': {
      const secret = trailer && verification.keys.get(trailer.keyId);
      return (
        secret !== undefined && isSignedWith(message.subarray(0, length + TRAILER_BYTES), source, secret)
      );
    }
    default:
      return verification satisfies never;
  }
}

/** What to make of the sequence of an authentic message; undefined where there are no keys. */
export const judgeSequence = (
  verification: Verification,
  { source, trailer }: Shown,
  freshness: Freshness,
  now: Instant,
): SequenceVerdict | undefined =>
  trailer && verification.type === 'hmac'
    ? acceptSequence(verification.marks.get(source), trailer.sequence, freshness, now)
    : undefined;
