/** `vipward ipvsadm` beside the real one, on one kernel: the same output, the same effect, the same exit codes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCases, play } from './kernel-cases.ts';
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';

const NAMES = [
  'every listing of a table that uses everything is the same, byte for byte',
  'sync daemons, started and stopped by either, are listed the same',
  'connections, with names and persistence engines, and counters of traffic, are the same',
  'what one saves the other restores',
  'a line that is refused while restoring is named, with the reason, and the rest goes on',
  'every command line does the same and ends with the same code, and an error has a reason',
  'a weight up to 2147483647 is taken, as ipvsadm’s manual has it',
];
const HOSTS = [
  '127.0.0.1 localhost',
  '10.1.1.254 www.example.com www',
  '10.1.1.2 web1.example.com web1',
  'fd00::2 web1-6.example.com',
];

let lab: Lab;
let director: Kernel;
let result: Awaited<ReturnType<typeof play>>;

beforeAll(async () => {
  lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  director = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.1/24'] }] });
  await director.boot();
  await director.run(
    `modprobe ip_vs_pe_sip
     ip address add 10.1.1.254/24 dev eth0
     for address in fd00::1 fd00::fe; do ip address add $address/64 dev eth0 nodad; done`,
  );
  // Names come from files alone: nobody waits for a server that is not there.
  await director.writeFile('/etc/hosts', `${HOSTS.join('\n')}\n`);
  await director.writeFile('/etc/nsswitch.conf', 'hosts: files\nservices: files\n');
  result = await play(director, 'test/lab/ipvsadm-play.ts');
});
afterAll(() => lab?.close());

describe('beside ipvsadm', () => expectCases(NAMES, () => result.played));

it('is a command of vipward, which reads standard input and ends with ipvsadm’s exit codes', async () => {
  const vipward = ['src/vipward', 'ipvsadm'];
  const input = '-A -t 10.1.1.254:80 -s wrr\n-a -t 10.1.1.254:80 -r 10.1.1.2:80 -g -w 3\n';
  expect(await director.run([...vipward, '-R'], { input: `-C\n${input}` })).toBe('');
  expect(await director.run([...vipward, '-S', '-n'])).toBe(input);
  const refused = await director.exec([...vipward, '-A', '-t', '10.1.1.254:80']);
  expect(refused).toMatchObject({ code: 255, stdout: '' });
  expect(refused.stderr).toMatch(/add virtual server tcp 10\.1\.1\.254:80: file already exists \(EEXIST\)/);
  expect(refused.stderr).not.toMatch(/Memory allocation/);
  const nobody = await director.exec(['setpriv', '--reuid=65534', '--clear-groups', ...vipward, '-Ln']);
  expect(nobody).toMatchObject({ code: 255, stdout: '' });
  expect(nobody.stderr).toMatch(/EPERM\); this needs CAP_NET_ADMIN: run it as root/);
});
