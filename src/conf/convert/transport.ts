/** The ways that adverts go, and how they are authenticated. */
import type { Authentication, HeartbeatPath, HmacKey, Peer } from '../../model/virtual-router.ts';
import type { ReadSecret } from '../environment.ts';
import { parseHmacSecret } from '../hmac-key.ts';
import type { VirtualRouterShape } from '../schema/index.ts';
import { UDP_PORT } from '../schema/transport.ts';
import { secretText } from './login.ts';

type PathShape = NonNullable<VirtualRouterShape['heartbeat']>[number];
type AuthenticationShape = NonNullable<VirtualRouterShape['authentication']>;
type KeyShape = NonNullable<AuthenticationShape['hmac']>[number];

/** The router's own interface first, also where the file has it elsewhere or not at all. */
export function toHeartbeat(
  shape: VirtualRouterShape,
): readonly [HeartbeatPath, ...(readonly HeartbeatPath[])] {
  const listed = shape.heartbeat ?? [];
  const own = listed.find((path) => path.interface === shape.interface);
  const others = listed.filter((path) => path.interface !== shape.interface);
  return [toPath({ ...own, interface: shape.interface }, shape), ...others.map((path) => toPath(path, {}))];
}

function toPath(shape: PathShape, usual: Partial<VirtualRouterShape>): HeartbeatPath {
  return {
    interface: shape.interface,
    transport: shape.transport ?? usual.transport ?? 'vrrp',
    peers: (shape.peers ?? usual.peers ?? []).map(toPeer),
    source: shape.source ?? usual.source ?? [],
    port: shape.port ?? usual.port ?? UDP_PORT,
  };
}

const toPeer = ({ address, min_ttl: leastTtl }: NonNullable<VirtualRouterShape['peers']>[number]): Peer => ({
  address,
  leastTtl,
});

/** The rules have seen to it that there is one of the two, and one active key. */
export function toAuthentication(
  { text, hmac }: AuthenticationShape,
  readSecret: ReadSecret,
): Authentication | undefined {
  if (text !== undefined) return { type: 'text', password: text };
  const [active, ...others] = [...(hmac ?? [])].sort((a, b) => Number(isActive(b)) - Number(isActive(a)));
  if (active === undefined) return undefined;
  const toKey = (key: KeyShape) => toHmacKey(key, readSecret);
  return { type: 'hmac', keys: [toKey(active), ...others.map(toKey)] };
}

const isActive = ({ active }: KeyShape): boolean => active === true;

function toHmacKey({ id, key, key_file: file }: KeyShape, readSecret: ReadSecret): HmacKey {
  if (key !== undefined) return { id, secret: key };
  const secret = parseHmacSecret(file === undefined ? '' : secretText(file, readSecret));
  if (secret === undefined) throw new Error(`${file} holds no key: the rules must refuse it first`);
  return { id, secret };
}
