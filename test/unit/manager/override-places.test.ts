/** Which real server of another configuration an operator meant. */
import { expect, it } from 'vitest';
import {
  type KeptOverride,
  placeNotes,
  placesOf,
  type Traces,
} from '../../../src/manager/override-places.ts';
import { entryAt, realServerAt } from '../../support/virtual-server.ts';

const WEB = ['tcp 10.1.1.254:80'];

const kept = (
  server: string,
  traces: Partial<Traces> = {},
  more: Partial<KeptOverride['override']> = {},
): KeptOverride => ({
  override: {
    ...{ service: 'web', server, action: 'disable', weight: undefined, reason: undefined, by: 'ada' },
    ...{ since: 1000, until: undefined, drainedAt: undefined, cutOff: undefined },
    ...more,
  },
  traces: { entries: WEB, alone: true, ...traces },
});

/** A service of that name, at these ports of 10.1.1.254, with real servers as `10.1.1.2` or `10.1.1.2:80`. */
function service(name: string, ports: readonly [number, ...number[]], ...servers: readonly string[]) {
  const [first, ...others] = ports;
  const at = (port: number) => entryAt('10.1.1.254', port);
  const realServers = servers.map((text) => {
    const [address = '', port] = text.startsWith('2001') ? [text] : text.split(':');
    return realServerAt(address, { port: port === undefined ? undefined : Number(port) });
  });
  return { name, entries: [at(first), ...others.map(at)] as const, realServers };
}

const placed = (overrides: readonly KeptOverride[], ...services: ReturnType<typeof service>[]) =>
  placesOf(overrides, services).map(({ at }) => at && `${at.service} ${at.server}`);

it.each([
  ['another port of the service', '10.1.1.2:80', [service('web', [80, 8005], '10.1.1.2')], 'web 10.1.1.2'],
  ['a single port again', '10.1.1.2', [service('web', [80], '10.1.1.2:80')], 'web 10.1.1.2:80'],
  [
    'another port of the real server',
    '10.1.1.2:80',
    [service('web', [80], '10.1.1.2:81')],
    'web 10.1.1.2:81',
  ],
  ['IPv6', '[2001:db8::2]:80', [service('web', [80], '2001:db8::2')], 'web 2001:db8::2'],
  ['IPv6 without a port', '2001:db8::2', [service('web', [80], '2001:db8::2')], 'web 2001:db8::2'],
  ['another name of the service', '10.1.1.2:80', [service('www', [80], '10.1.1.2:80')], 'www 10.1.1.2:80'],
  [
    'the name goes before the entries',
    '10.1.1.2:80',
    [service('www', [80], '10.1.1.2:80'), service('web', [81], '10.1.1.2:81')],
    'web 10.1.1.2:81',
  ],
  [
    'another service that took the entries over',
    '10.1.1.2:80',
    [service('web', [81], '10.1.1.9:80'), service('www', [80, 90], '10.1.1.2')],
    'www 10.1.1.2',
  ],
])('%s: it is found', (_, server, services, expected) => {
  expect(placed([kept(server)], ...services)).toEqual([expected]);
});

it.each([
  ['one of two at an address left', { alone: false }, [service('web', [80], '10.1.1.2:81')]],
  ['there are two at its address now', {}, [service('web', [80], '10.1.1.2:81', '10.1.1.2:82')]],
  ['it left the file', {}, [service('web', [80], '10.1.1.3:80')]],
  ['its service left the file', {}, [service('other', [81], '10.1.1.2:80')]],
  [
    'two services share what it had',
    { entries: [...WEB, 'tcp 10.1.1.254:443'] },
    [service('a', [80], '10.1.1.2:80'), service('b', [443], '10.1.1.2:80')],
  ],
])('%s: it applies to nothing', (_, traces, services) => {
  expect(placed([kept('10.1.1.2:80', traces)], ...services)).toEqual([undefined]);
});

it('two of them never meet in one: its own name goes first, then the younger', () => {
  const [old, young] = [kept('10.1.1.2:81', {}, { since: 1 }), kept('10.1.1.2:82', {}, { since: 2 })];
  expect(placed([old, young], service('web', [80], '10.1.1.2:80'))).toEqual([undefined, 'web 10.1.1.2:80']);
  expect(placed([old, young], service('web', [80], '10.1.1.2:81'))).toEqual(['web 10.1.1.2:81', undefined]);
});

it('what changes is told, and what applies to nothing with the reason', () => {
  const notes = (...services: ReturnType<typeof service>[]) =>
    placeNotes(placesOf([kept('10.1.1.2:80')], services));
  expect(notes(service('web', [80], '10.1.1.2:80'))).toEqual([]);
  expect(notes(service('www', [80], '10.1.1.2:80'))).toEqual([
    'disable of real server 10.1.1.2:80 of web goes on as that of 10.1.1.2:80 of www',
  ]);
  const nothing = (what: string) => [
    `disable of real server 10.1.1.2:80 of web is kept, but the file has no such ${what}, and it applies to nothing: ` +
      'vipward enable web 10.1.1.2:80 forgets it',
  ];
  expect(notes()).toEqual(nothing('service'));
  expect(notes(service('web', [80], '10.1.1.3:80'))).toEqual(nothing('real server'));
  expect(notes(service('web', [80], '10.1.1.2:81', '10.1.1.2:82'))).toEqual(
    nothing('real server: only 10.1.1.2:81, 10.1.1.2:82'),
  );
});
