import type { Environment, ProgramFacts, Secret } from '../../../src/conf/environment.ts';
import { loadConfig } from '../../../src/conf/load.ts';
import { parseAddress } from '../../../src/model/address.ts';
import type { Config } from '../../../src/model/config.ts';
import { formatProblem } from '../../../src/model/problem.ts';

function known(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

const SECRETS: Readonly<Record<string, Secret>> = {
  '/etc/vipward/password': { text: 'sesame', exposed: false },
  '/etc/vipward/open-password': { text: 'sesame', exposed: true },
  '/etc/vipward/web.key': { text: `hex:${'0A'.repeat(32)}`, exposed: false },
};

const PROGRAMS: Readonly<Record<string, ProgramFacts>> = {
  '/home/eve/chk': { changeable: { at: '/home/eve', reason: 'belongs to user 1000' } },
  '/usr/bin/data': { problem: 'is not executable: chmod +x' },
};

/** A director in the network 10.1.1.0/24, where every program is there unless its name says otherwise. */
export const LVS1: Environment = {
  hostName: 'lvs1.example.com',
  interfaces: [
    { name: 'lo', addresses: [{ address: known('127.0.0.1'), length: 8 }] },
    { name: 'eth0', addresses: [{ address: known('10.1.1.1'), length: 24 }] },
    { name: 'eth1', addresses: [] },
  ],
  readSecret: (path) => SECRETS[path] ?? { problem: 'does not exist' },
  fileProblem: (path) => (path.includes('missing') ? 'does not exist' : undefined),
  inspectProgram: (command) =>
    command.includes('missing')
      ? { problem: 'does not exist' }
      : (PROGRAMS[command] ?? { changeable: undefined }),
};

/** What is wrong with a file, as people read it, without the file's name. */
export const problemsOf = (input: string | Uint8Array, environment = LVS1): string[] =>
  loadConfig(input, 'f', environment).problems.map((problem) => formatProblem(problem).slice('f:'.length));

/** The configuration of a file in which nothing is wrong. */
export function configOf(input: string, environment = LVS1): Config {
  const { config, problems } = loadConfig(input, 'f', environment);
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return config;
}

/** A service on its own, with `lines` at its end: they begin on line 7. */
export const service = (...lines: string[]): string =>
  [
    'services:',
    '  web:',
    '    address: 10.1.1.1',
    '    port: 80',
    '    forwarding: dr',
    '    real_servers: [{ address: 10.1.1.2 }]',
    ...lines.map((line) => `    ${line}`),
  ].join('\n');

/** The same with `real_servers` on line 6 and `forwarding` as given. */
export const serviceOf = (forwarding: string, realServers: string, ...lines: string[]): string =>
  service('check: { tcp: {} }', ...lines)
    .replace('forwarding: dr', `forwarding: ${forwarding}`)
    .replace('[{ address: 10.1.1.2 }]', realServers);

/** A whole file in which nothing is wrong, of seven lines. */
export const CHECKED = service('check: { tcp: {} }');
