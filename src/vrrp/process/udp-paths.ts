/** The UDP sockets of the paths that use them: one for each link, source address and port, shared by all VRIDs. */
import { familyOf, type IpAddress } from '../../model/address.ts';
import type { ThrottledLog } from './throttle.ts';
import type { RemoteInfo } from './transport/transport.ts';
import { UdpTransport } from './transport/udp.ts';

export interface UdpUse {
  readonly interface: { readonly index: number; readonly name: string };
  readonly source: IpAddress;
  readonly port: number;
  readonly vrid: number;
}

export interface UdpPathsContext {
  readonly complain: ThrottledLog;
  onMessage(interfaceName: string, message: Uint8Array, remote: RemoteInfo): void;
}

const keyOf = (interfaceName: string, source: IpAddress, port: number): string =>
  `${interfaceName} ${source} ${port}`;

interface Opened {
  readonly socket: UdpTransport;
  readonly index: number;
}

export class UdpPaths {
  readonly #context: UdpPathsContext;
  readonly #sockets = new Map<string, Opened>();

  constructor(context: UdpPathsContext) {
    this.#context = context;
  }

  /** Opens what is used and closes what is not, or whose link is another one now. */
  configure(uses: readonly UdpUse[]): void {
    const wanted = Map.groupBy(uses, (use) => keyOf(use.interface.name, use.source, use.port));
    for (const [key, { socket, index }] of this.#sockets) {
      if (wanted.get(key)?.[0]?.interface.index === index) continue;
      socket.close();
      this.#sockets.delete(key);
    }
    for (const [key, same] of wanted) {
      const [first] = same;
      if (first === undefined) continue;
      const opened = this.#sockets.get(key) ?? this.#open(key, first);
      opened.socket.setVrids(same.map(({ vrid }) => vrid));
    }
  }

  /** False when there is no such socket; what fails later is logged. */
  send(
    interfaceName: string,
    port: number,
    message: Uint8Array,
    destination: IpAddress,
    source: IpAddress,
  ): boolean {
    const opened = this.#sockets.get(keyOf(interfaceName, source, port));
    opened?.socket.send(message, destination, source);
    return opened !== undefined;
  }

  close(): void {
    for (const { socket } of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #open(key: string, { interface: link, source, port }: UdpUse): Opened {
    const opened: Opened = { socket: new UdpTransport({ interface: link, source, port }), index: link.index };
    this.#sockets.set(key, opened);
    opened.socket.on('message', (message, remote) => this.#context.onMessage(link.name, message, remote));
    opened.socket.on('error', (error) => {
      const message = `interface ${link.name}: UDP port ${port} of ${source} (${familyOf(source)}): ${error.message}`;
      this.#context.complain(`udp ${key}`, 'warn', message, { interface: link.name });
    });
    return opened;
  }
}
