import { describe, expect, it } from 'vitest';
import { IpvsUnavailable, openIpvs } from '../../../src/kernel/ipvs.ts';
import { encodeMessage, type Message, NLM_F, NLMSG, splitDatagram } from '../../../src/netlink/message.ts';
import { ERRNO } from '../../../src/sys/errors.ts';
import { real, tcp } from '../../support/ipvs-contract.ts';
import { DESTINATION, FAMILY, INFO, SERVICE } from './vectors.ts';

const GET_SERVICE = 4;
const GET_DEST = 8;
const GET_INFO = 15;

/** A kernel whose answer to each request is the next of those for its command: payloads, or an errno. */
function kernelWith(script: Readonly<Record<number, readonly (readonly Uint8Array[] | number)[]>>) {
  const asked: number[] = [];
  const queue: Uint8Array[] = [];
  const socket = {
    closed: false,
    send(bytes: Uint8Array) {
      for (const message of splitDatagram(bytes).messages) {
        if (message.type === 0x10) {
          queue.push(...answer(message, script[3]?.[0] ?? [FAMILY]));
          continue;
        }
        expect(message.type).toBe(28);
        const command = (message.payload[0] ?? 0) + ((message.flags & NLM_F.dump) === NLM_F.dump ? 100 : 0);
        const place = asked.filter((each) => each === command).length;
        asked.push(command);
        queue.push(...answer(message, script[command]?.[place] ?? -1));
      }
    },
    receive: () => queue.shift(),
    close() {
      this.closed = true;
    },
  };
  return { socket, asked };
}

function answer(message: Message, result: readonly Uint8Array[] | number): Uint8Array[] {
  const errno = typeof result === 'number' ? result : 0;
  const payloads = typeof result === 'number' ? [] : result;
  const dump = (message.flags & NLM_F.dump) === NLM_F.dump;
  const code = new Uint8Array(Int32Array.of(-errno, 0, 0, 0, 0).buffer);
  return [
    ...payloads.map((payload) => encodeMessage(28, dump ? NLM_F.multi : 0, message.sequence, payload)),
    dump
      ? encodeMessage(NLMSG.done, NLM_F.multi, message.sequence, code.subarray(0, 4))
      : encodeMessage(NLMSG.error, NLM_F.capped, message.sequence, code),
  ];
}

describe('the kernel’s table', () => {
  it('without the family says what to load, and leaves no socket open', () => {
    const { socket } = kernelWith({ 3: [ERRNO.ENOENT] });
    expect(() => openIpvs(socket)).toThrow(IpvsUnavailable);
    expect(socket.closed).toBe(true);
  });

  it('is listed by its virtual servers, then the real servers of each', () => {
    const { socket, asked } = kernelWith({
      [100 + GET_SERVICE]: [[SERVICE]],
      [100 + GET_DEST]: [[DESTINATION]],
    });
    expect(openIpvs(socket).dump()).toMatchObject([
      {
        key: tcp('10.1.1.254', 80),
        realServers: [real('10.1.1.2', 80, { weight: 2, upperThreshold: 9, lowerThreshold: 4 })],
      },
    ]);
    expect(asked).toEqual([100 + GET_SERVICE, 100 + GET_DEST]);
  });

  it('is listed again when a virtual server vanished meanwhile', () => {
    const { socket, asked } = kernelWith({
      [100 + GET_SERVICE]: [[SERVICE], []],
      [100 + GET_DEST]: [[]],
      [GET_SERVICE]: [ERRNO.ESRCH],
    });
    expect(openIpvs(socket).dump()).toEqual([]);
    expect(asked).toEqual([100 + GET_SERVICE, 100 + GET_DEST, GET_SERVICE, 100 + GET_SERVICE]);
  });

  it('may hold a virtual server without real servers', () => {
    const { socket } = kernelWith({
      [100 + GET_SERVICE]: [[SERVICE]],
      [100 + GET_DEST]: [[]],
      [GET_SERVICE]: [[SERVICE]],
    });
    expect(openIpvs(socket).dump()).toMatchObject([{ key: tcp('10.1.1.254', 80), realServers: [] }]);
  });

  it('is listed again when an entry came twice, since another may be missing', () => {
    const { socket } = kernelWith({
      [100 + GET_SERVICE]: [[SERVICE, SERVICE], [SERVICE], [SERVICE]],
      [100 + GET_DEST]: [[DESTINATION], [DESTINATION], [DESTINATION, DESTINATION], [DESTINATION]],
    });
    expect(openIpvs(socket).dump()).toMatchObject([{ realServers: [{ address: '10.1.1.2' }] }]);
  });

  it('that never stands still is an error, not an endless listing', () => {
    const { socket, asked } = kernelWith({
      [100 + GET_SERVICE]: Array(20).fill([SERVICE]),
      [100 + GET_DEST]: Array(20).fill([DESTINATION, DESTINATION]),
    });
    expect(() => openIpvs(socket).dump()).toThrow(/changed during each of 10/);
    expect(asked).toHaveLength(20);
  });

  it('an answer that is cut, or missing, names what was asked', () => {
    const { socket } = kernelWith({ [GET_INFO]: [[INFO.subarray(0, 12)], []] });
    const ipvs = openIpvs(socket);
    expect(() => ipvs.info()).toThrow('get IPVS information: IPVS information: attribute 2 is missing');
    expect(() => ipvs.info()).toThrow('get IPVS information: the kernel acknowledged it without an answer');
  });
});
