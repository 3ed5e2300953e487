import { describe, expect, it } from 'vitest';
import type { Config, ConfiguredVirtualServer } from '../../../src/model/config.ts';
import { seconds } from '../../../src/model/units.ts';
import { defeatsOf, SETTING_RULES, viewOfConfig } from '../../../src/prepare/defeats.ts';
import { directorSettings } from '../../../src/prepare/director.ts';
import { virtualRouter } from '../../support/virtual-router.ts';
import { realServerAt, virtualServer } from '../../support/virtual-server.ts';

/** As a kernel has them that nobody has touched (Linux 6.1). */
const DEFAULTS = {
  conn_reuse_mode: '1',
  conntrack: '0',
  drop_entry: '0',
  drop_packet: '0',
  expire_nodest_conn: '0',
  expire_quiescent_template: '0',
  pmtu_disc: '1',
  run_estimation: '1',
  secure_tcp: '0',
  sloppy_sctp: '0',
  sloppy_tcp: '0',
  sync_persist_mode: '0',
  sync_refresh_period: '0',
  sync_threshold: '3 50',
  sync_version: '1',
};

const persistence = { timeout: seconds(300), ipv4Prefix: 32, ipv6Prefix: 128, engine: undefined };
/** That can be defeated in every way. */
const EVERYTHING = [
  virtualServer({ name: 'drains', onFailure: 'drain', persistence }),
  virtualServer({ name: 'hashes', scheduler: 'mh' }),
  virtualServer({ name: 'nat', realServers: [realServerAt('10.2.0.2', { forwarding: 'nat' })] }),
  virtualServer({ name: 'full', realServers: [realServerAt('10.2.0.3', { forwarding: 'fullnat' })] }),
  virtualServer({ name: 'tun', realServers: [realServerAt('10.3.0.2', { forwarding: 'tun' })] }),
];
const SYNC: Config['ipvs']['sync'] = {
  interface: 'eth0',
  id: 1,
  follow: undefined,
  maxLength: undefined,
  group: undefined,
  port: undefined,
  ttl: undefined,
};

function defeats(
  values: Readonly<Record<string, string>>,
  virtualServers: readonly ConfiguredVirtualServer[] = EVERYTHING,
  sysctl: Readonly<Record<string, string>> = {},
) {
  const held: Readonly<Record<string, string>> = { ...DEFAULTS, ...values };
  const config = {
    virtualServers,
    virtualRouters: [virtualRouter()],
    fixed: { addresses: [], routes: [], rules: [] },
    ipvs: { sysctl, sync: SYNC },
  };
  return defeatsOf(viewOfConfig(config), directorSettings(config, []), (path) => held[path.at(-1) ?? '']);
}
const whats = (...asked: Parameters<typeof defeats>) => defeats(...asked).map(({ what }) => what);

describe('settings of the kernel that defeat what is configured', () => {
  it('are none of its own', () => {
    expect(defeats({})).toEqual([]);
  });

  it.each([
    ['conn_reuse_mode', '0', 'drains'],
    ['sync_persist_mode', '1', 'drains'],
    ['sync_version', '0', 'drains'],
    ['sync_threshold', '1000 5000', 'drains'],
    ['sync_threshold', '3 5000', 'drains'],
    ['sync_threshold', '3 0', 'drains'],
    ['secure_tcp', '3', 'nat'],
    ['drop_entry', '2', 'drains'],
    ['drop_packet', '3', 'drains'],
    ['pmtu_disc', '0', 'tun'],
    ['run_estimation', '0', 'drains'],
  ])('are %s %s, for a service that it concerns, unless the file has it', (setting, value, service) => {
    const [found, ...others] = defeats({ [setting]: value });
    expect(found?.what).toBe(`net.ipv4.vs.${setting} is ${value}`);
    expect(found?.breaks).toMatch(new RegExp(`^for service ${service}, it `));
    expect(others).toEqual([]);
    expect(defeats({ [setting]: value }, [])).toEqual([]);
    expect(defeats({ [setting]: value }, EVERYTHING, { [setting]: value })).toEqual([]);
    // What mends it is as good.
    const mended = /=(?:'(.*)'|(.*))$/.exec(found?.mend ?? '');
    expect(defeats({ [setting]: mended?.[1] ?? mended?.[2] ?? value })).toEqual([]);
  });

  it('are not those that vipward sets itself, which are told as such', () => {
    const ours = ['expire_nodest_conn', 'expire_quiescent_template', 'sloppy_tcp', 'conntrack'];
    expect(whats(Object.fromEntries(ours.map((name) => [name, '0'])))).toEqual([]);
  });

  it('are told only where something is defeated', () => {
    const plain = [virtualServer()];
    expect(
      whats({ conn_reuse_mode: '0', pmtu_disc: '0', secure_tcp: '3', sync_persist_mode: '1' }, plain),
    ).toEqual([]);
    expect(whats({ sync_threshold: '3 0', sync_refresh_period: '10' })).toEqual([]);
    expect(whats({ drop_entry: '1', drop_packet: '1', secure_tcp: '1' })).toEqual([]);
  });

  it('are all known by a value that mends them', () => {
    for (const { isBad, mend } of SETTING_RULES) expect(isBad(mend, () => undefined)).toBe(false);
  });
});
