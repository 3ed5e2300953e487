/** Everything that a director's orders are carried out with, and that its events come from, wired together. */
import type { IpAddress } from '../../model/address.ts';
import type { TrackVerdict } from '../../model/tracking.ts';
import type { Clock } from '../../model/units.ts';
import type { VirtualAddress } from '../../model/virtual-router.ts';
import type { Director } from '../director/director.ts';
import type { DirectorEvent } from '../director/event.ts';
import type { Member } from '../director/member.ts';
import type { VirtualRoutersContext } from './context.ts';
import { Fixed, type FixedAddress } from './fixed.ts';
import { Gateways } from './gateways.ts';
import { Holdings } from './holdings.ts';
import { LinkTable } from './link-table.ts';
import { Network } from './network.ts';
import { Post } from './post.ts';
import { Reporter } from './reporter.ts';
import { TrackedLinks } from './tracked-links.ts';
import { carrierOf, VirtualMacs } from './vmac.ts';

/** One of each for all virtual routers. */
export interface Parts {
  readonly links: LinkTable;
  readonly vmacs: VirtualMacs;
  readonly network: Network;
  readonly post: Post;
  readonly holdings: Holdings;
  readonly fixed: Fixed;
  readonly gateways: Gateways;
  readonly trackedLinks: TrackedLinks;
  readonly reporter: Reporter;
}

/** What happens in the network. */
export interface Happenings {
  onEvent(event: Extract<DirectorEvent, { type: 'advert' | 'presence' }>): void;
  /** Somebody on the link said that it has this address. */
  onClaim(interfaceName: string, address: IpAddress, mac: string): void;
  onVerdict(verdict: TrackVerdict): void;
}

/** Throws KernelError or SystemError. */
export function assemble(context: VirtualRoutersContext, director: Director, happenings: Happenings): Parts {
  const { kernel, complain, date, send } = context;
  const { routes, rules, macvlans } = kernel;
  const links = new LinkTable(kernel.listLinks);
  const linkNamed = (name: string) => links.named(name);
  const vmacs = new VirtualMacs({ macvlans, complain, linkNamed, reloadLinks: () => links.reload() });
  const { network, post } = transmission(context, links, vmacs, happenings);
  const interfaceOf = (name: string) => network.interfaceNamed(name);
  const heldByAnother = (member: Member, { address }: VirtualAddress, device: string) =>
    isHeldByAnother(post, member, address, device);
  return {
    links,
    vmacs,
    network,
    post,
    holdings: new Holdings({ routes, rules, complain, interfaceOf, carrierOf, heldByAnother }),
    fixed: new Fixed({
      routes,
      rules,
      complain,
      interfaceOf,
      isLeased: (address) => [...director.members()].some((member) => holds(member, address)),
    }),
    gateways: new Gateways({
      routes,
      ask: (name, address) => network.ask(name, address),
      onVerdict: happenings.onVerdict,
    }),
    trackedLinks: new TrackedLinks(linkNamed),
    reporter: new Reporter({
      director,
      envoyOf: (key) => post.envoyOf(key),
      pathsOf: (member) => post.pathsOf(member),
      straysOf: (name) => post.straysOf(name),
      date,
      onRouter: (status) => send({ type: 'state', status }),
      onGroup: (status) => send({ type: 'group-state', status }),
    }),
  };
}

function transmission(
  { reactor, kernel, complain, now, date, send }: VirtualRoutersContext,
  links: LinkTable,
  vmacs: VirtualMacs,
  { onEvent, onClaim }: Happenings,
): Pick<Parts, 'network' | 'post'> {
  const network = new Network({
    reactor,
    addresses: kernel.addresses,
    groups: kernel.groups,
    complain,
    linkNamed: (name) => links.named(name),
    onMessage: (...received) => post.receive(...received),
    onClaim,
    onSettingChanged: (change) => send({ type: 'setting-changed', ...change }),
  });
  const post: Post = new Post({
    network,
    complain,
    date,
    now,
    steadyDate: steady(date, now),
    isVmacUp: (member) => vmacs.isUp(member),
    onEvent,
  });
  return { network, post };
}

const holds = (member: Member, { address, length, device }: FixedAddress): boolean =>
  member.holds &&
  member.parameters.addresses.some(
    (own) => own.address === address && own.length === length && (own.device ?? carrierOf(member)) === device,
  );

function isHeldByAnother(post: Post, member: Member, address: IpAddress, device: string): boolean {
  for (const other of post.holdersOf(address)) {
    if (other === member || !other.holds) continue;
    const same = other.parameters.addresses.some(
      (own) => own.address === address && (own.device ?? carrierOf(other)) === device,
    );
    if (same) return true;
  }
  return false;
}

/**
 * The date for numbering our own messages. A clock that is set back while we run must not make the others take them
 * for replays, so it goes on by the monotonic clock; one that is set forward is followed.
 */
function steady(date: () => number, now: Clock): () => number {
  const offset = date() - now();
  return () => Math.max(offset + now(), date());
}
