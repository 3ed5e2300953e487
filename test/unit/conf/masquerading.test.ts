/** nat and fullnat of one VIP and one port of a real server: nothing tells them apart. */
import { expect, test } from 'vitest';
import { problemsOf } from './support.ts';

const VIP = '10.1.1.254';
const REAL = '10.9.0.2';

/** Services with the VIP and the real server where they give no others; the errors and warnings about masquerading. */
const found = (...services: readonly string[]): readonly string[] =>
  problemsOf(`services:\n${services.map((service, i) => `  s${i}: { ${service} }`).join('\n')}\n`).filter(
    (line) => line.includes('packets apart'),
  );
const service = (port: string, forwarding: string, server: string, address = VIP): string =>
  `address: ${address}, port: ${port}, forwarding: ${forwarding}, real_servers: [{ address: ${server} }]`;

test('of two services is refused', () => {
  expect(
    found(service('80', 'nat', `${REAL}, port: 8080`), service('81', 'fullnat', `${REAL}, port: 8080`)),
  ).toEqual([
    `3:76: error: ${REAL}:8080 is behind fullnat here and behind nat in service "s0", both for the VIP ${VIP}: nothing tells their packets apart, and both would get fullnat; use one forwarding for both, or another port of the real server`,
  ]);
});

test.each<[string, readonly string[], number]>([
  ['the same of another VIP', [service('80', 'nat', REAL), service('80', 'fullnat', REAL, '10.1.1.253')], 0],
  [
    'the same of another real server',
    [service('80', 'nat', REAL), service('81', 'fullnat', '10.9.0.3, port: 80')],
    0,
  ],
  ['another port of the real server', [service('80', 'nat', REAL), service('81', 'fullnat', REAL)], 0],
  [
    'another protocol',
    [`${service('80', 'nat', REAL)}, protocol: udp`, service('81', 'fullnat', `${REAL}, port: 80`)],
    0,
  ],
  [
    'both by fullnat',
    [service('80', 'fullnat', `${REAL}, port: 8080`), service('81', 'fullnat', `${REAL}, port: 8080`)],
    0,
  ],
  [
    'nat alone',
    [service('80', 'nat', `${REAL}, port: 8080`), service('81', 'nat', `${REAL}, port: 8080`)],
    0,
  ],
  ['dr', [service('8080', 'dr', REAL), service('81', 'fullnat', `${REAL}, port: 8080`)], 0],
  [
    'a port within a range',
    [service('8000-8100', 'nat', REAL), service('81', 'fullnat', `${REAL}, port: 8080`)],
    1,
  ],
  [
    'every port',
    [`${service('any', 'nat', REAL)}, persistence: 5m`, service('81', 'fullnat', `${REAL}, port: 8080`)],
    1,
  ],
  [
    'several VIPs, once',
    [
      service('80', 'nat', REAL, `[${VIP}, 10.1.1.253]`),
      service('81', 'fullnat', `${REAL}, port: 80`, `[${VIP}, 10.1.1.253]`),
    ],
    1,
  ],
  [
    'a sorry server',
    [
      `${service('80', 'nat', REAL)}, sorry_server: 10.9.0.9:8080`,
      service('81', 'fullnat', '10.9.0.9, port: 8080'),
    ],
    1,
  ],
  [
    'the forwarding of one real server',
    [
      service('80', 'nat', `${REAL}, port: 8080, forwarding: fullnat`),
      service('81', 'nat', `${REAL}, port: 8080`),
    ],
    1,
  ],
  [
    'what a mark is for',
    [
      `mark: 7, match: { address: ${VIP}, ports: [80, 443] }, forwarding: nat, real_servers: [{ address: ${REAL} }]`,
      service('8443', 'fullnat', `${REAL}, port: 443`),
    ],
    1,
  ],
])('%s', (_, services, count) => {
  expect(found(...services)).toHaveLength(count);
});

test('two addresses of the director for one port are refused, too', () => {
  const [one, two] = ['10.2.0.100', '10.2.0.101'].map(
    (source, i) => `${service(`8${i}`, 'fullnat', `${REAL}, port: 8080`)}, source_address: ${source}`,
  );
  expect(found(one ?? '', two ?? '')).toEqual([
    expect.stringMatching(
      /10\.9\.0\.2:8080 is told here that its clients are 10\.2\.0\.101, and 10\.2\.0\.100 in service "s0", .* one source_address/,
    ),
  ]);
  expect(found(one ?? '', (one ?? '').replace('port: 80,', 'port: 81,'))).toEqual([]);
});
