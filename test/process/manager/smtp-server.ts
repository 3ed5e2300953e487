/** A small SMTP server (RFC 5321, 3207, 4954) that can be told to misbehave. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
  readonly encrypted: boolean;
  readonly login: string | undefined;
}

export interface SmtpBehaviour {
  /** With it STARTTLS is offered. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly tlsAtOnce?: boolean;
  /** The reply to the nth connection's greeting, `silence` or what is written; undefined: the usual one. */
  readonly greeting?: (connection: number) => string | undefined;
  /** The reply to RCPT. */
  readonly recipient?: (address: string) => string;
  /** user:password. */
  readonly login?: string;
}

export class SmtpServer {
  readonly #server: Server;
  readonly #behaviour: SmtpBehaviour;
  readonly #sockets = new Set<Socket>();
  readonly received: Received[] = [];
  /** First lines of clients in clear, for those that must not be. */
  readonly commands: string[] = [];
  connections = 0;
  #news = Promise.withResolvers<void>();

  constructor(behaviour: SmtpBehaviour = {}) {
    this.#behaviour = behaviour;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async mails(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) await this.#news.promise;
    return this.received;
  }

  async connected(count: number): Promise<void> {
    while (this.connections < count) await this.#news.promise;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    const greeting = this.#behaviour.greeting?.(this.connections) ?? '220 test ESMTP\r\n';
    this.#tell();
    if (this.#behaviour.tlsAtOnce === true) this.#encrypt(socket, greeting);
    else {
      if (greeting !== 'silence') socket.write(greeting);
      this.#converse(socket, false);
    }
  }

  #encrypt(socket: Socket, greeting: string | undefined): void {
    const secureContext = createSecureContext(this.#behaviour.tls);
    const encrypted = new TLSSocket(socket, { isServer: true, secureContext });
    encrypted.on('error', () => undefined);
    encrypted.once('secure', () => {
      if (greeting !== undefined) encrypted.write(greeting);
    });
    this.#converse(encrypted, true);
  }

  #converse(socket: Socket, encrypted: boolean): void {
    let mail = { from: '', to: [] as string[], data: '', encrypted, login: undefined as string | undefined };
    let inData = false;
    let buffer = '';
    const say = (line: string) => socket.write(`${line}\r\n`);
    const onLine = (line: string): void => {
      if (inData) {
        if (line !== '.') {
          mail.data += `${line}\n`;
          return;
        }
        inData = false;
        this.received.push(mail);
        mail = { ...mail, to: [], data: '' };
        say('250 taken');
        this.#tell();
        return;
      }
      if (!encrypted) this.commands.push(line);
      const [verb = ''] = line.toUpperCase().split(' ');
      switch (verb) {
        case 'EHLO':
          say('250-test');
          if (this.#behaviour.login !== undefined) say('250-AUTH PLAIN');
          if (this.#behaviour.tls !== undefined && !encrypted) say('250-STARTTLS');
          say('250 8BITMIME');
          return;
        case 'STARTTLS':
          if (this.#behaviour.tls === undefined) {
            say('502 no');
            return;
          }
          say('220 go on');
          socket.removeAllListeners('data');
          this.#encrypt(socket, undefined);
          return;
        case 'AUTH': {
          const [, user, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0');
          mail.login = `${user}:${password}`;
          say(mail.login === this.#behaviour.login ? '235 welcome' : '535 who are you');
          return;
        }
        case 'MAIL':
          mail.from = line;
          say('250 ok');
          return;
        case 'RCPT': {
          const reply = this.#behaviour.recipient?.(line) ?? '250 ok';
          if (reply.startsWith('250')) mail.to.push(line.replace(/^.*<(.*)>.*$/, '$1'));
          say(reply);
          return;
        }
        case 'DATA':
          inData = true;
          say('354 go on');
          return;
        case 'QUIT':
          say('221 bye');
          socket.end();
          return;
        default:
          say('250 ok');
      }
    };
    socket.on('data', (bytes) => {
      buffer += String(bytes);
      for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        onLine(line);
      }
    });
  }
}
