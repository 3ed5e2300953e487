/**
 * What one instance says and hears: encodes its messages for each of its paths, signs them, and judges what comes for
 * it. Its counters are here.
 */
import type { IpAddress } from '../../model/address.ts';
import { milliseconds } from '../../model/units.ts';
import type { Authentication } from '../../model/virtual-router.ts';
import { type Credential, encode, type MessageKind, VRRP_GROUP } from '../advertisement.ts';
import { type SecretKey, secretKey } from '../authentication/hmac.ts';
import { freshnessWindow, type Mark, nextSequence, type Sequence } from '../authentication/sequence.ts';
import { passwordBytes } from '../authentication/text.ts';
import type { ChecksumForm } from '../checksum.ts';
import type { Member } from '../director/member.ts';
import { OWNER_PRIORITY } from '../director/tracking.ts';
import { advertisementOf } from '../machine.ts';
import { type LocalRouter, noRejections, type Verification } from '../receive-checks.ts';
import { advertisedOf, type Parameters } from '../state.ts';
import { type InstancePath, receivePath } from './paths.ts';

/** Sends one message to one destination; false when that failed. */
export type Sender = (
  path: InstancePath,
  message: Uint8Array,
  destination: IpAddress | 'group',
  source: IpAddress,
) => boolean;

/** A path with the address that it is sent from now. */
export interface UsablePath {
  readonly path: InstancePath;
  readonly source: IpAddress;
}

interface Secrets {
  readonly authentication: Authentication | undefined;
  readonly verification: Verification;
  readonly sendKey: SecretKey | undefined;
}

export class Envoy {
  readonly rejected = noRejections();
  advertsSent = 0;
  advertsReceived = 0;
  sendErrors = 0;
  /** Milliseconds since 1970, never set back. */
  readonly #date: () => number;
  readonly #marks = new Map<IpAddress, Mark>();
  #secrets: Secrets;
  /** What was sent last to each destination. */
  readonly #sent = new Map<IpAddress, { readonly facts: Facts; readonly message: Uint8Array }>();
  #sequence: Sequence | undefined;
  /** What the receive checks know of each path; made anew when the parameters or the source change. */
  #locals: {
    readonly parameters: Parameters;
    readonly owner: boolean;
    readonly of: (LocalRouter | undefined)[];
  };

  constructor(member: Member, date: () => number) {
    this.#date = date;
    this.#secrets = secretsOf(member.router.authentication, this.#marks);
    this.#locals = { parameters: member.parameters, owner: false, of: [] };
  }

  /** Takes in new keys; marks of senders stay, so that no reload opens the door to a replay. */
  reconfigure(member: Member): void {
    this.#locals = { parameters: member.parameters, owner: false, of: [] };
    const { authentication } = member.router;
    if (JSON.stringify(authentication) === JSON.stringify(this.#secrets.authentication)) return;
    this.#secrets = secretsOf(authentication, this.#marks);
  }

  /** What the receive checks need to know of the instance on one of its paths. */
  local(member: Member, path: InstancePath, index: number, source: IpAddress): LocalRouter {
    const owner = member.parameters.priority === OWNER_PRIORITY && member.state.name !== 'releasing';
    if (this.#locals.parameters !== member.parameters || this.#locals.owner !== owner) {
      this.#locals = { parameters: member.parameters, owner, of: [] };
    }
    const known = this.#locals.of[index];
    if (known !== undefined && known.source === source) return known;
    const { vrid, version, family, advertInterval } = member.parameters;
    const local: LocalRouter = {
      vrid,
      version,
      family,
      isOwner: owner,
      addresses: advertisedOf(member.parameters),
      source,
      advertInterval,
      authentication: this.#secrets.verification,
      path: receivePath(path),
    };
    this.#locals.of[index] = local;
    return local;
  }

  /** Remembers the mark of a message, so that it is not accepted again, nor what came late for good. */
  keep(source: IpAddress, mark: Mark | undefined): void {
    if (mark !== undefined) this.#marks.set(source, mark);
  }

  /** Sends on every path; counts as sent when one of them took it. */
  send(
    member: Member,
    kind: MessageKind,
    priority: number,
    paths: readonly UsablePath[],
    sender: Sender,
  ): void {
    let sent = false;
    for (const usable of paths) {
      const credential = this.#credential(member.parameters);
      for (const target of targetsOf(usable.path)) {
        const message = this.#encoded(factsOf(member, kind, priority, usable, target, credential));
        sent = sender(usable.path, message, target, usable.source) || sent;
      }
    }
    if (kind !== 'advert') return;
    if (sent) this.advertsSent++;
    else this.sendErrors++;
  }

  /** Encodes its adverts ahead of time; with a key none can be, since each has its own number. */
  makeReady(member: Member, paths: readonly UsablePath[]): void {
    if (this.#secrets.sendKey !== undefined) return;
    const credential = this.#credential(member.parameters);
    for (const usable of paths) {
      for (const target of targetsOf(usable.path))
        this.#encoded(factsOf(member, 'advert', member.parameters.priority, usable, target, credential));
    }
  }

  /** An advert is nearly always the same as the one before; with a key none is, since each has its own number. */
  #encoded(facts: Facts): Uint8Array {
    const last = this.#sent.get(facts.destination);
    if (last && isSame(last.facts, facts)) return last.message;
    const { kind, priority, parameters, checksum, credential, source, destination } = facts;
    const advert = advertisementOf(parameters, priority);
    const content = kind === 'advert' ? advert : { ...advert, version: 3 as const, addresses: [] };
    const message = encode(content, source, destination, { kind, checksum, credential });
    if (credential.type !== 'hmac') this.#sent.set(destination, { facts, message });
    return message;
  }

  #credential({ advertInterval }: Parameters): Credential {
    const { verification, sendKey } = this.#secrets;
    if (sendKey === undefined) return verification.type === 'text' ? verification : NO_CREDENTIAL;
    this.#sequence = nextSequence(this.#sequence, {
      date: milliseconds(this.#date()),
      window: freshnessWindow(advertInterval),
    });
    return { type: 'hmac', key: sendKey, sequence: this.#sequence };
  }
}

/** All that a message is made of. Parameters and credentials are replaced and never changed. */
interface Facts {
  readonly kind: MessageKind;
  readonly priority: number;
  readonly parameters: Parameters;
  readonly checksum: ChecksumForm;
  readonly credential: Credential;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

function factsOf(
  { parameters, router }: Member,
  kind: MessageKind,
  priority: number,
  { source }: UsablePath,
  target: IpAddress | 'group',
  credential: Credential,
): Facts {
  const checksum: ChecksumForm = router.checksum === 'rfc9568' ? 'plain' : 'pseudo-header';
  const destination = target === 'group' ? VRRP_GROUP[parameters.family] : target;
  return { kind, priority, parameters, checksum, credential, source, destination };
}

const GROUP_ALONE = ['group'] as const;

const targetsOf = ({ peers }: InstancePath): readonly (IpAddress | 'group')[] =>
  peers.length > 0 ? peers.map(({ address }) => address) : GROUP_ALONE;

const isSame = (a: Facts, b: Facts): boolean =>
  a.kind === b.kind &&
  a.priority === b.priority &&
  a.parameters === b.parameters &&
  a.checksum === b.checksum &&
  a.credential === b.credential &&
  a.source === b.source;

const NO_CREDENTIAL: Credential = { type: 'none' };

function secretsOf(authentication: Authentication | undefined, marks: ReadonlyMap<IpAddress, Mark>): Secrets {
  if (authentication === undefined)
    return { authentication, verification: { type: 'none' }, sendKey: undefined };
  if (authentication.type === 'text') {
    const verification = { type: 'text', password: passwordBytes(authentication.password) } as const;
    return { authentication, verification, sendKey: undefined };
  }
  const keys = authentication.keys.map(secretKey);
  const verification = {
    type: 'hmac',
    keys: new Map(keys.map(({ id, secret }) => [id, secret])),
    marks,
  } as const;
  return { authentication, verification, sendKey: keys[0] };
}
