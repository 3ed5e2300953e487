/**
 * The network interfaces that virtual routers have to do with, and the UDP sockets on them: opened for what the
 * configuration wants of them, and asked how they stand.
 */
import type { Addresses } from '../../kernel/addresses.ts';
import type { GroupNeighbours } from '../../kernel/group-neighbours.ts';
import type { Link } from '../../kernel/links.ts';
import { type Family, familyName, familyOf, type IpAddress, isLinkLocal } from '../../model/address.ts';
import type { ChangedSetting, VrrpNetwork } from '../../model/messages.ts';
import type { VirtualRouter } from '../../model/virtual-router.ts';
import type { Reactor } from '../../sys/reactor.ts';
import { addressesThatFit } from '../advertisement.ts';
import type { Condition } from '../director/event.ts';
import { familiesOf } from '../director/member.ts';
import { linkObstacle, obstacle, sourceAddress } from './interface-view.ts';
import { NetInterface } from './net-interface.ts';
import type { InterfaceUse } from './open-interface.ts';
import { carriersOf, type InstancePath, linksOf, pathsOf } from './paths.ts';
import type { ThrottledLog } from './throttle.ts';
import type { RemoteInfo } from './transport/transport.ts';
import { UdpPaths, type UdpUse } from './udp-paths.ts';
import { vmacDevice } from './vmac.ts';

export interface NetworkContext {
  readonly reactor: Reactor;
  readonly addresses: Addresses;
  readonly groups: Pick<GroupNeighbours, 'put' | 'keep' | 'remove'>;
  readonly complain: ThrottledLog;
  linkNamed(name: string): Link | undefined;
  onMessage(
    interfaceName: string,
    udp: boolean,
    family: Family,
    message: Uint8Array,
    remote: RemoteInfo,
  ): void;
  onClaim(interfaceName: string, address: IpAddress, mac: string): void;
  onSettingChanged(change: ChangedSetting): void;
}

export class Network {
  readonly #context: NetworkContext;
  readonly #interfaces = new Map<string, NetInterface>();
  readonly #udp: UdpPaths;
  #routers: readonly VirtualRouter[] = [];
  /** Where messages come from, looked up for every advert and known until a link changes: by link, and by path. */
  readonly #sources = new Map<string, IpAddress>();
  #pathSources = new WeakMap<InstancePath, IpAddress>();
  #vmacDevices: ReadonlySet<string> = new Set();

  constructor(context: NetworkContext) {
    this.#context = context;
    const { complain } = context;
    this.#udp = new UdpPaths({
      complain,
      onMessage: (name, message, remote) =>
        context.onMessage(name, true, familyOf(remote.address), message, remote),
    });
  }

  /** `leaving`: virtual routers that are still there, and may have to hand over first. */
  configure({ routers, gateways, fixed }: VrrpNetwork, leaving: readonly VirtualRouter[]): void {
    const all = [...routers, ...leaving];
    this.#routers = all;
    this.#vmacDevices = new Set(all.flatMap(vmacDevicesOf));
    const names = new Set([
      ...all.flatMap(linksOf),
      ...this.#vmacDevices,
      ...gateways.map((gateway) => gateway.interface),
      ...fixed.addresses.map(({ device }) => device),
    ]);
    for (const [name, port] of this.#interfaces) {
      if (names.has(name)) continue;
      port.close();
      this.#interfaces.delete(name);
    }
    for (const name of names) this.#open(name).use(useOf(name, all, gateways));
    this.refreshAll();
  }

  interfaceNamed(name: string): NetInterface | undefined {
    return this.#interfaces.get(name);
  }

  has(name: string): boolean {
    return this.#interfaces.has(name);
  }

  names(): Iterable<string> {
    return this.#interfaces.keys();
  }

  /** Those whose last look met an error, which may pass without any notice of the kernel's. */
  failed(): readonly string[] {
    return [...this.#interfaces.values()].filter(({ failed }) => failed).map(({ name }) => name);
  }

  refresh(name: string): void {
    this.#forgetSources();
    const evenDown = this.#vmacDevices.has(name);
    this.#interfaces.get(name)?.refresh(this.#context.linkNamed(name), evenDown);
    this.#udp.configure(this.#udpUses());
  }

  refreshAll(): void {
    this.#forgetSources();
    for (const name of this.#interfaces.keys()) {
      this.#interfaces.get(name)?.refresh(this.#context.linkNamed(name), this.#vmacDevices.has(name));
    }
    this.#udp.configure(this.#udpUses());
  }

  /** Whether one of these links carries the virtual router, or one of its paths. */
  concerns(router: VirtualRouter, names: readonly string[]): boolean {
    const own = [...linksOf(router), ...vmacDevicesOf(router)];
    return own.some((name) => names.includes(name));
  }

  /** How the links of an instance stand. */
  condition(router: VirtualRouter, family: Family): Condition {
    const [path] = pathsOf(router, family);
    const source = path && this.sourceOf(path, family);
    return {
      obstacle: this.#obstacle(router, family, path, source),
      source,
      room: this.#room(router, family, path),
    };
  }

  /** Why nothing can be sent on this path, in words. */
  pathObstacle(path: InstancePath, family: Family): string | undefined {
    const { interface: name } = path;
    return obstacle(name, family, this.#context.linkNamed(name), this.sourceOf(path, family));
  }

  /** Where messages on this path come from; undefined while there is no such address. */
  sourceOf(path: InstancePath, family: Family): IpAddress | undefined {
    if (path.source !== undefined) return path.source;
    const known = this.#pathSources.get(path);
    if (known !== undefined) return known;
    const global = path.peers.some(({ address }) => familyOf(address) === 'ipv6' && !isLinkLocal(address));
    const address = this.#ownAddress(path.interface, family, global);
    if (address !== undefined) this.#pathSources.set(path, address);
    return address;
  }

  /** False when it could not be sent; that is logged. `device`: the macvlan that it leaves by, where there is one. */
  send(
    path: InstancePath,
    message: Uint8Array,
    destination: IpAddress | 'group',
    source: IpAddress,
    device = path.interface,
  ): boolean {
    if (path.transport === 'udp')
      return (
        destination !== 'group' && this.#udp.send(path.interface, path.port, message, destination, source)
      );
    return this.#interfaces.get(device)?.send(message, familyOf(source), destination, source) ?? false;
  }

  /** Asks who has an address on a link; the answer comes as a claim. */
  ask(name: string, address: IpAddress): void {
    const port = this.#interfaces.get(name);
    const family = familyOf(address);
    port?.ask(address, this.#ownAddress(name, family, false));
  }

  /** Handles what is queued in the sockets of a link. */
  drain(name: string): void {
    this.#interfaces.get(name)?.drain();
  }

  close(): void {
    for (const port of this.#interfaces.values()) port.close();
    this.#interfaces.clear();
    this.#udp.close();
  }

  #ownAddress(name: string, family: Family, global: boolean): IpAddress | undefined {
    const key = `${name} ${family} ${global}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const held = this.#interfaces.get(name)?.held ?? [];
    const address = sourceAddress(family, held, this.#routers, global);
    if (address !== undefined) this.#sources.set(key, address);
    return address;
  }

  #forgetSources(): void {
    this.#sources.clear();
    this.#pathSources = new WeakMap();
  }

  #open(name: string): NetInterface {
    const known = this.#interfaces.get(name);
    if (known) return known;
    const { reactor, addresses, groups, complain, onMessage, onClaim, onSettingChanged } = this.#context;
    const port = new NetInterface(name, {
      reactor,
      addresses,
      groups,
      complain,
      onMessage: (on, family, message, remote) => onMessage(on, false, family, message, remote),
      onClaim,
      onSettingChanged,
    });
    this.#interfaces.set(name, port);
    return port;
  }

  #obstacle(
    router: VirtualRouter,
    family: Family,
    path: InstancePath | undefined,
    source: IpAddress | undefined,
  ): string | undefined {
    if (path === undefined) return `no peer of ${router.name} has an address of ${familyName(family)}`;
    const own = this.#interfaces.get(path.interface);
    const link = this.#context.linkNamed(path.interface);
    const first = own?.obstacle ?? obstacle(path.interface, family, link, source);
    if (first !== undefined) return first;
    const vmac = vmacDevice(router, family);
    if (vmac !== undefined && this.#context.linkNamed(vmac) === undefined)
      return `interface ${vmac} could not be made`;
    for (const name of carriersOf(router)) {
      const lost = linkObstacle(name, this.#context.linkNamed(name));
      if (lost !== undefined) return lost;
    }
    return undefined;
  }

  /** The least of all paths, so that every advert carries the same list. */
  #room(router: VirtualRouter, family: Family, path: InstancePath | undefined): number {
    const mtu = path ? (this.#interfaces.get(path.interface)?.mtu ?? 1500) : 1500;
    const hmac = router.authentication?.type === 'hmac';
    return addressesThatFit(family, router.version, mtu, { hmac, udp: path?.transport === 'udp' });
  }

  #udpUses(): readonly UdpUse[] {
    return this.#routers.flatMap((router) =>
      familiesOf(router).flatMap((family) =>
        pathsOf(router, family).flatMap((path): readonly UdpUse[] => {
          const link = this.#context.linkNamed(path.interface);
          const source = this.sourceOf(path, family);
          if (path.transport !== 'udp' || link === undefined || source === undefined) return [];
          return [{ interface: link, source, port: path.port, vrid: router.vrid }];
        }),
      ),
    );
  }
}

const vmacDevicesOf = (router: VirtualRouter): readonly string[] =>
  familiesOf(router).flatMap((family) => vmacDevice(router, family) ?? []);

/** What all virtual routers together want of one link. */
function useOf(
  name: string,
  routers: readonly VirtualRouter[],
  gateways: VrrpNetwork['gateways'],
): InterfaceUse {
  const heard = (family: Family) =>
    routers.flatMap((router) => {
      if (!familiesOf(router).includes(family)) return [];
      const paths = pathsOf(router, family).filter(
        (path, index) =>
          path.transport !== 'udp' &&
          (path.interface === name || (index === 0 && vmacDevice(router, family) === name)),
      );
      return paths.map(({ transport }) => ({ vrid: router.vrid, multicast: transport === 'multicast' }));
    });
  const [ipv4, ipv6] = [heard('ipv4'), heard('ipv6')];
  const vrids = (list: typeof ipv4): readonly number[] => [...new Set(list.map(({ vrid }) => vrid))];
  const virtual = routers
    .filter(({ probe }) => probe !== 'off')
    .flatMap((router) => router.addresses.filter(({ device }) => (device ?? router.interface) === name));
  const watched = gateways.flatMap((gateway) => (gateway.interface === name ? (gateway.address ?? []) : []));
  const peers = routers.flatMap((router) =>
    router.heartbeat.flatMap((path) =>
      path.interface === name ? path.peers.map(({ address }) => address) : [],
    ),
  );
  const asked = gateways.some((gateway) => gateway.interface === name);
  return {
    vrids: { ipv4: vrids(ipv4), ipv6: vrids(ipv6) },
    multicast: {
      ipv4: ipv4.some(({ multicast }) => multicast),
      ipv6: ipv6.some(({ multicast }) => multicast),
    },
    peers: [...new Set(peers)],
    watched: [...virtual.map(({ address }) => address), ...watched],
    asks: asked,
  };
}
