import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/ipvsadm/command-line.ts';
import { CommandLineError } from '../../../src/ipvsadm/command-line-error.ts';
import { NAMES } from './support.ts';

const read = (line: string) => readCommandLine(line === '' ? [] : line.split(' '), NAMES);
const LISTED = { columns: 'connections', numeric: false, exact: false, sorted: true };
const WEB = { kind: 'address', protocol: 'tcp', address: '10.1.1.254', port: 80 };
const PLAIN = { scheduler: 'wlc', flags: 0, timeout: 0, granularity: 32, engine: '' };
const REAL = {
  address: '10.1.1.2',
  port: 80,
  forwarding: 'dr',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};

describe('what a line asks for', () => {
  it('nothing: the table', async () =>
    expect(await read('')).toEqual({ kind: 'list', key: undefined, format: LISTED }));

  it('a virtual service, by numbers or names', async () => {
    const change = { kind: 'change', operation: { op: 'add-virtual-server', key: WEB, settings: PLAIN } };
    expect(await read('-A -t 10.1.1.254:80')).toEqual(change);
    expect(await read('-A -t www:http -s wlc')).toEqual(change);
  });

  it('its settings, whatever their order', async () => {
    const settings = { scheduler: 'sh', flags: 1 | 8 | 16, timeout: 90, granularity: 24, engine: '' };
    for (const line of [
      '-A -t 10.1.1.254:80 -s sh -b sh-port,sh-fallback -p 90 -M 255.255.255.0',
      '-A -M 255.255.255.0 -b sh-port,sh-fallback -p 90 -t 10.1.1.254:80 -s sh',
    ])
      expect(await read(line)).toMatchObject({ operation: { key: WEB, settings } });
    expect(await read('-A -t 10.1.1.254:80 -p')).toMatchObject({ operation: { settings: { timeout: 360 } } });
    expect(await read('-A -f 7 -6 -p 5 -M 64')).toMatchObject({
      operation: { key: { kind: 'mark', mark: 7, family: 'ipv6' }, settings: { granularity: 64 } },
    });
  });

  it('a mask that is no prefix', async () =>
    expect(await read('-A -t 10.1.1.254:80 -p 5 -M 255.0.255.0')).toMatchObject({
      operation: { settings: { granularity: 16, mask: '255.0.255.0' } },
    }));

  it('a real server: dr and tun keep the service’s port, nat takes its own', async () => {
    const server = async (more: string) =>
      (await read(`-a -t 10.1.1.254:80 -r 10.1.1.2${more}`)) as { operation?: { realServer?: unknown } };
    expect((await server('')).operation?.realServer).toEqual(REAL);
    expect((await server(':8080')).operation?.realServer).toEqual(REAL);
    expect((await server(':8080 -m')).operation?.realServer).toEqual({
      ...REAL,
      port: 8080,
      forwarding: 'nat',
    });
    expect((await server(' -i --tun-type gue --tun-port 6080 --tun-csum')).operation?.realServer).toEqual({
      ...REAL,
      forwarding: 'tun',
      tunnel: { kind: 'gue', port: 6080, checksum: 'plain' },
    });
  });

  it('listings', async () => {
    expect(await read('-L -n --stats --exact --nosort')).toEqual({
      kind: 'list',
      key: undefined,
      format: { columns: 'stats', numeric: true, exact: true, sorted: false },
    });
    expect(await read('-Lnc --persistent-conn')).toEqual({
      kind: 'list-connections',
      numeric: true,
      persistent: true,
    });
  });

  it('time-outs and sync daemons', async () => {
    expect(await read('--set 1 0 3')).toEqual({
      kind: 'set-timeouts',
      timeouts: { tcp: 1, tcpFin: 0, udp: 3 },
    });
    expect(await read('--start-daemon master --mcast-group ff02::81')).toEqual({
      kind: 'start-daemon',
      spec: { role: 'master', interface: 'eth0', syncId: 0, group: 'ff02::81' },
    });
    expect(await read('--stop-daemon backup')).toEqual({ kind: 'stop-daemon', role: 'backup' });
  });
});

describe('a line that means nothing says why', () => {
  it.each([
    ['foo', 255, /a command comes first/],
    ['-t 10.1.1.254:80 -A', 255, /a command comes first/],
    ['-A -k', 255, /-k: unknown option/],
    ['-A -E -t 10.1.1.254:80', 2, /--edit-service after --add-service/],
    ['-A', 2, /--add-service needs --tcp-service or /],
    ['-A -t 10.1.1.254:80 -w 5', 2, /--weight does not go with --add-service/],
    ['-A -t 10.1.1.254:0', 2, /every port \(0\) needs --persistent/],
    ['-A -t 10.1.1.254:80 -o', 2, /--ops is for UDP/],
    ['-A -t 10.1.1.254:80 -b mh-port', 2, /mh-port is a flag of the scheduler mh, not of wlc/],
    ['-A -t 10.1.1.254:80 -p 0', 2, /time-out in seconds is 1 to 2678400, not `0'/],
    ['-A -t nosuch:80', 2, /`nosuch:80' is no virtual service/],
    ['-A -t 10.1.1.254:80 -t 10.1.1.254:81', 2, /--tcp-service is given twice/],
    ['-A -t 10.1.1.254:80 -f 5', 2, /--fwmark-service after --tcp-service/],
    ['-a -t 10.1.1.254:80 -r [fd00::2]:80', 2, /needs --ipip/],
    ['-a -t 10.1.1.254:80 -r 10.1.1.2 -i --tun-type gue', 2, /gue needs --tun-port/],
    ['-a -t 10.1.1.254:80 -r 10.1.1.2 --tun-type gre', 2, /--tun-type needs --ipip/],
    ['-a -t 10.1.1.254:80 -r 10.1.1.2 -w 2147483648', 2, /a weight is 0 to 2147483647/],
    ['-L --timeout --daemon', 2, /--timeout and --daemon do not go together/],
    ['-L -c --stats', 2, /--connection has no --stats/],
    ['--set 1 2', 2, /three time-outs/],
    ['--set 1 2 3 4', 2, /`4' is one argument too many/],
    ['--start-daemon both', 2, /takes master or backup, not `both'/],
    ['--start-daemon master --mcast-group 10.1.1.1', 2, /no multicast address/],
  ])('%s', async (line, exitCode, message) => {
    const error = await read(line).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(CommandLineError);
    expect(error).toMatchObject({ exitCode, message: expect.stringMatching(message) });
  });
});
