/** A file that is read again and again while it is edited means what it means to one who reads it for the first time. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Environment } from '../../src/conf/environment.ts';
import { loadConfig } from '../../src/conf/load.ts';
import { parseAddress } from '../../src/model/address.ts';
import { viewOfConfig } from '../../src/prepare/defeats.ts';
import { directorSettings } from '../../src/prepare/director.ts';
import { directorModules } from '../../src/prepare/modules.ts';
import { LVS1 } from '../unit/conf/support.ts';

/** Only of long files is anything remembered. */
const FILLING = `# ${'-'.repeat(16 * 1024)}\n`;

const HEADS = [
  '',
  '# a line more\n\n',
  'ipvs: { sync: { interface: eth0 } }\n',
  'ipvs: { sysctl: { conntrack: 0 } }\n',
  // Not of its shape: of such a file nothing is remembered.
  'ipvs: { exclusive: 7 }\n',
  'static: { addresses: [{ address: 192.0.2.7/24, interface: eth0 }] }\n',
];
const ROUTERS = [
  '',
  'virtual_routers:\n  web: { interface: eth0, vrid: 51, addresses: [10.1.1.254/24] }\n',
  'virtual_routers:\n  s1:\n    interface: eth9\n    vrid: 51\n    addresses: [10.1.1.253/24, "2001:db8::1/64"]\n',
];
const own = parseAddress('10.1.1.253');
const ENVIRONMENTS: readonly Environment[] = [
  LVS1,
  { ...LVS1, interfaces: own ? [{ name: 'eth0', addresses: [{ address: own, length: 24 }] }] : [] },
];
const REAL = 'real_servers: [{ address: 10.1.1.2 }, { address: 10.1.1.3 }]';
const CHECK = 'check: { tcp: {} }';
/** By themselves, beside each other, or with the rest of the file right or wrong. */
const BODIES = [
  `address: 10.1.1.254, port: 80, forwarding: dr, ${CHECK}, ${REAL}`,
  `address: 10.1.1.254, port: 80, forwarding: nat, ${CHECK}, check_while: active, ${REAL}`,
  `address: [10.1.1.253, "2001:db8::1"], port: [443, 8000-8010], forwarding: nat, scheduler: mh, ${REAL}`,
  `address: "2001:db8::1", port: 80, forwarding: tun, ${CHECK}, ${REAL}`,
  `address: 192.0.2.7, port: any, forwarding: dr, persistence: 5m, check: { port: 80, tcp: {} }, ${REAL}`,
  `address: 10.1.1.254, port: 81, forwarding: fullnat, ${CHECK}, real_servers: [{ address: 10.1.1.2, port: 80 }]`,
  `address: 10.1.1.254, port: 82, forwarding: nat, ${CHECK}, real_servers: [{ address: 10.1.1.2, port: 80 }]`,
  `mark: 7, match: { address: 10.1.1.254, ports: [80, 82] }, forwarding: dr, ${REAL}`,
  `address: 10.1.1.254, port: 80, forwarding: dr, scheduler: rr, quorum: 9, real_servers: [{ address: 10.1.1.2, weight: 2 }, { address: 10.1.1.2 }]`,
  `address: 10.1.1.253, port: 80, forwarding: dr, tunnel: gue, sorry_server: 10.1.1.2:81, check: { https: {} }, ${REAL}`,
  `address: 10.1.1.1, port: 21, forwarding: nat, thresholds: { upper: 2, lower: 3 }, notify: { quorum_up: /missing }, ${REAL}`,
];

interface Edited {
  readonly head: string;
  readonly routers: string;
  readonly environment: Environment;
  /** Whether the services come first. */
  readonly turned: boolean;
  readonly services: ReadonlyMap<string, string>;
}

/** What becomes of the file. */
type Edit = (file: Edited) => Partial<Edited>;
const name = fc.constantFrom('s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7');
const place = fc.oneof(
  fc.constantFrom(...HEADS).map(
    (head): Edit =>
      () => ({ head }),
  ),
  fc.constantFrom(...ROUTERS).map(
    (routers): Edit =>
      () => ({ routers }),
  ),
  fc.constantFrom(...ENVIRONMENTS).map(
    (environment): Edit =>
      () => ({ environment }),
  ),
  fc.constant<Edit>(({ turned }) => ({ turned: !turned })),
);
const service = fc.oneof(
  fc.tuple(name, fc.constantFrom(...BODIES)).map(
    ([changed, body]): Edit =>
      ({ services }) => ({
        services: new Map([...services, [changed, body]]),
      }),
  ),
  name.map(
    (gone): Edit =>
      ({ services }) => ({
        services: new Map([...services].filter(([each]) => each !== gone)),
      }),
  ),
  // The same under another name, or in place of another.
  fc.tuple(name, name).map(
    ([from, to]): Edit =>
      ({ services }) => ({
        services: new Map([...services].map(([each, body]) => [each === from ? to : each, body])),
      }),
  ),
);
const edits = fc.array(fc.oneof(place, service), { minLength: 15, maxLength: 30 });

function textOf({ head, routers, turned, services }: Edited): string {
  const entries = [...services].map(([each, body]) => `  ${each}: { ${body} }\n`);
  const all = entries.length === 0 ? '' : `services:\n${entries.join('')}`;
  return FILLING + (turned ? all + head + routers : head + routers + all);
}

/** What the kernel is told for it, too, where nothing is wrong. */
function read(text: string, environment: Environment) {
  const loaded = loadConfig(text, 'f', environment);
  const { config } = loaded;
  if (config === undefined) return loaded;
  return {
    ...loaded,
    settings: directorSettings(config, ['eth0']),
    modules: directorModules(config),
    view: viewOfConfig(config),
  };
}

test('whatever is changed in it, in whichever order', () => {
  const told = new Set<string>();
  let valid = 0;
  const first: Edited = {
    head: '',
    routers: ROUTERS[1] ?? '',
    environment: LVS1,
    turned: false,
    services: new Map([['s0', BODIES[0] ?? '']]),
  };
  const check = (file: Edited): Edited => {
    const text = textOf(file);
    const again = read(text, file.environment);
    // A tab: not cut into pieces, so nothing is remembered of it.
    const alone = read(`${text}#\t\n`, file.environment);
    // Told apart in a tenth of the time.
    if (!isDeepStrictEqual(again, alone)) expect(again).toEqual(alone);
    for (const { message } of alone.problems) told.add(message);
    if (alone.config !== undefined) valid++;
    return file;
  };
  fc.assert(
    fc.property(edits, (all) => {
      let file = check(first);
      for (const each of all) file = check({ ...file, ...each(file) });
    }),
    { numRuns: 25 },
  );
  expect(told.size).toBeGreaterThan(15);
  expect(valid).toBeGreaterThan(10);
});
