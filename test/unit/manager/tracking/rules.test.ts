import { describe, expect, it } from 'vitest';
import { assess } from '../../../../src/balance/quorum.ts';
import { targetOf } from '../../../../src/balance/targets.ts';
import { fileContent } from '../../../../src/manager/tracking/file-value.ts';
import { isMeant, parseStat } from '../../../../src/manager/tracking/process-match.ts';
import { applyResult, beginning } from '../../../../src/manager/tracking/rise-fall.ts';
import { serviceVerdicts } from '../../../../src/manager/tracking/services.ts';
import { type Health, UNKNOWN_HEALTH } from '../../../../src/model/check.ts';
import type { ConfiguredVirtualServer } from '../../../../src/model/config.ts';
import { milliseconds } from '../../../../src/model/units.ts';
import { realServerAt, virtualServer } from '../../../support/virtual-server.ts';

describe('the state of a script', () => {
  const states = (results: string, initial: 'up' | 'down' | 'wait' = 'wait') => {
    let standing = beginning(initial, undefined);
    return [...results].map((result) => {
      standing = applyResult(standing, result === '+', { rise: 2, fall: 3 });
      return standing.state;
    });
  };

  it('is that of its first result at once, whatever it began with', () => {
    expect(states('+')).toEqual(['up']);
    expect(states('-', 'up')).toEqual(['down']);
    expect(states('+', 'down')).toEqual(['up']);
  });

  it('falls after three bad results in a row and rises after two good ones', () => {
    expect(states('+--+--- -'.replace(' ', ''))).toEqual([
      'up',
      'up',
      'up',
      'up',
      'up',
      'up',
      'down',
      'down',
    ]);
    expect(states('-+-++')).toEqual(['down', 'down', 'down', 'down', 'up']);
  });

  it('begins as it is told to, or as it was before its definition changed', () => {
    expect(beginning('wait', undefined).state).toBe('unknown');
    expect(beginning('up', 'unknown').state).toBe('up');
    expect(beginning('up', 'down').state).toBe('down');
  });
});

describe('the number in a file', () => {
  it.each([
    ['5\n', 5],
    ['  -20 ', -20],
    ['+7', 7],
    ['0', 0],
    ['-0', 0],
    ['0x10', 16],
    ['-0xFF', -254],
    ['9'.repeat(100), 254],
    ['-300', -254],
  ])('%j is %i', (text, value) => {
    expect(fileContent(text)).toEqual({ kind: 'number', value });
  });

  it('may be missing, or no number', () => {
    expect(fileContent(' \n')).toEqual({ kind: 'empty' });
    for (const text of ['up', '5 6', '5abc', '1.5', '--1', '0x', '\0', 'NaN']) {
      expect(fileContent(text)).toEqual({ kind: 'nonsense', text });
    }
  });
});

describe('a process', () => {
  const wanted = (process: string, ...args: string[]) => ({ process, arguments: args });
  const facts = (comm: string) => ({ comm });

  it.each([
    ['haproxy', 'haproxy', ['/usr/sbin/haproxy', '-W']],
    ['/usr/sbin/haproxy', 'haproxy', ['/usr/sbin/haproxy']],
    ['node', 'MainThread', ['/opt/bin/node', 'server.js']],
    ['a-rather-long-name', 'a-rather-long-n', ['/bin/sh', '/opt/a-rather-long-name']],
    ['/opt/check.sh', 'check.sh', ['/bin/sh', '/opt/check.sh']],
    ['kworker', 'kworker', []],
  ])('%s is %s %j', (name, comm, argv) => {
    expect(isMeant(wanted(name), facts(comm), argv)).toBe(true);
  });

  it.each([
    ['ssh', 'sshd', ['/usr/sbin/sshd']],
    ['haproxy', 'vi', ['/usr/bin/vi', 'haproxy']],
    ['/usr/sbin/haproxy', 'haproxy', ['/opt/haproxy']],
    ['a-rather-long-name', 'a-rather-long-n', ['/opt/a-rather-long-nail']],
  ])('%s is not %s %j', (name, comm, argv) => {
    expect(isMeant(wanted(name), facts(comm), argv)).toBe(false);
  });

  it('has the arguments that are wanted, in any order, and not its own name', () => {
    const argv = ['/bin/named', '-u', 'bind', '-4'];
    expect(isMeant(wanted('named', '-4', '-u'), facts('named'), argv)).toBe(true);
    expect(isMeant(wanted('named', '-6'), facts('named'), argv)).toBe(false);
    expect(isMeant(wanted('named', '/bin/named'), facts('named'), argv)).toBe(false);
  });

  it('is read from what the kernel says, whatever it is called', () => {
    const rest = (state: string, flags: number) =>
      `${state} 1 2 3 4 5 ${flags} 7 8 9 10 11 12 13 14 15 16 17 18 4711 20`;
    expect(parseStat(`12 (a) b (c) ${rest('S', 0)}`)).toEqual({
      comm: 'a) b (c',
      dead: false,
      kernel: false,
      start: '4711',
    });
    expect(parseStat(`12 (x) ${rest('Z', 0x200000)}`)).toMatchObject({ dead: true, kernel: true });
    for (const text of ['', '12', '12 (', '12 (a) S 1']) expect(parseStat(text)).toBeUndefined();
  });
});

describe('a virtual server that is tracked', () => {
  const server = (more: Partial<ConfiguredVirtualServer> = {}): ConfiguredVirtualServer =>
    virtualServer({
      check: {
        probe: { kind: 'tcp' },
        interval: milliseconds(1000),
        connectTimeout: milliseconds(1000),
        timeout: milliseconds(1000),
        rise: 1,
        fall: 1,
        port: undefined,
      },
      quorum: { weight: 3, hysteresis: 0 },
      realServers: [2, 2, 0].map((weight, i) => realServerAt(`10.1.1.${i + 1}`, { weight })),
      ...more,
    });
  const verdict = (of: ConfiguredVirtualServer, health: readonly (boolean | undefined)[]) => {
    const byId = new Map<string, Health>(
      of.realServers.map((real, i) => [
        targetOf(of, real)?.id ?? '',
        { ...UNKNOWN_HEALTH, healthy: health[i] },
      ]),
    );
    const assessment = () => assess(of, (id) => byId.get(id), 'unknown');
    return serviceVerdicts([of], { assessment, rests: () => false, unavailable: () => undefined })[0];
  };

  it.each([
    [[true, true, false], 'up', 'healthy weight 4, quorum 3'],
    [[true, false, undefined], 'down', 'healthy weight 2, quorum 3'],
    [[true, undefined, true], 'unknown', 'healthy weight 2, quorum 3, 2 not checked yet'],
    [[undefined, undefined, undefined], 'unknown', 'healthy weight 0, quorum 3, 4 not checked yet'],
    [[true, true, undefined], 'up', 'healthy weight 4, quorum 3'],
    [[false, undefined, true], 'down', 'healthy weight 0, quorum 3'],
  ] as const)('with %j is %s', (health, state, reason) => {
    expect(verdict(server(), health)).toEqual({ kind: 'service', name: 'web', state, value: 1, reason });
  });

  it('is up while its checks rest, or this director would wait for ever', () => {
    const assessment = () => ({ state: 'unknown', healthy: 0, unchecked: 4 }) as const;
    expect(
      serviceVerdicts([server()], { assessment, rests: () => true, unavailable: () => undefined })[0]?.state,
    ).toBe('up');
  });

  it('is down without a table, however healthy its real servers are', () => {
    const assessment = () => ({ state: 'gained', healthy: 4, unchecked: 0 }) as const;
    const facts = { assessment, rests: () => true, unavailable: () => 'the kernel has no IPVS' };
    expect(serviceVerdicts([server()], facts)[0]).toMatchObject({
      state: 'down',
      reason: 'there is no IPVS table here',
    });
  });

  it('is always up without a check, and without real servers only for a quorum of 0', () => {
    expect(verdict(server({ check: undefined }), [])?.state).toBe('up');
    expect(verdict(server({ realServers: [] }), [])?.state).toBe('down');
    expect(verdict(server({ realServers: [], quorum: { weight: 0, hysteresis: 0 } }), [])?.state).toBe('up');
  });
});
