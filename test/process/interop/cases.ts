/** The ways in which one virtual router is set up on vipward and on keepalived. */
import { hasLaterForms, type Instance } from './keepalived.ts';
import { fileOf } from './pair.ts';

export interface Case {
  /** Also the name of the virtual router, with - for spaces. */
  readonly title: string;
  readonly ours: object;
  readonly theirs: Partial<Instance>;
  readonly addresses?: readonly string[];
  readonly excluded?: readonly string[];
  /** Who is active when both run and the other one was first. */
  readonly oursWins: { readonly afterTheirs: boolean; readonly beforeTheirs: boolean };
}

const OURS = { priority: 150, wins: { afterTheirs: true, beforeTheirs: true } };
const THEIRS = { priority: 90, wins: { afterTheirs: false, beforeTheirs: false } };
const better = (title: string, ours: object, theirs: Partial<Instance>, more: Partial<Case> = {}): Case => ({
  title,
  ours: { priority: OURS.priority, ...ours },
  theirs,
  oursWins: OURS.wins,
  ...more,
});
const worse = (title: string, ours: object, theirs: Partial<Instance>, more: Partial<Case> = {}): Case => ({
  title,
  ours: { priority: THEIRS.priority, ...ours },
  theirs,
  oursWins: THEIRS.wins,
  ...more,
});

const SECOND = { advert_interval: '1s', version: 2 };
const V2 = { version: 2, interval: 1 } as const;
const PASS = ['authentication {', '  auth_type PASS', '  auth_pass s3cret', '}'];
const PLAIN = ['v3_checksum_as_v2'];
const SECRETS = ['abcdefghijklmnopqrstuvwxyz012345', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ987654'];
const HMAC = {
  hmac: [
    { id: 1, key: SECRETS[0], active: true },
    { id: 2, key: SECRETS[1] },
  ],
};
/** With both keys, sending with `active`. */
const theirHmac = (active: 1 | 2): readonly string[] => [
  'auth_hmac {',
  ...SECRETS.map((secret, index) => `  key ${index + 1} ${secret}`),
  `  active_key ${active}`,
  '}',
];
const UNICAST4 = ['unicast_src_ip 10.1.1.11', 'unicast_peer {', '  10.1.1.10', '}'];
const UNICAST6 = ['unicast_src_ip fd00:1::11', 'unicast_peer {', '  fd00:1::10', '}'];
const LINK_LOCAL6 = ['unicast_src_ip fe80::ff:fe00:111', 'unicast_peer {', '  fe80::ff:fe00:110', '}'];
const six = (n: number) => ({ addresses: [`fe80::${n}:1/64`, `fd00:1::${n}:1/64`] });

/** Equal priorities: whoever is there stays; theirs is the higher address, which counts where both are active. */
const EQUAL = { oursWins: { afterTheirs: false, beforeTheirs: true } };

export const CASES: readonly Case[] = [
  better('v2', SECOND, V2),
  worse('v2 with a password', { ...SECOND, authentication: { text: 's3cret' } }, { ...V2, more: PASS }),
  better('v2 unicast', { ...SECOND, peers: ['10.1.1.11'] }, { ...V2, more: UNICAST4 }),
  better('v3', {}, {}),
  worse('v3 behind', {}, {}),
  better('v3 over IPv6', {}, {}, six(0x205)),
  worse('v3 over IPv6 behind', {}, {}, six(0x206)),
  better('unicast', { peers: ['10.1.1.11'] }, { more: UNICAST4 }),
  worse('unicast with TTL', { peers: [{ address: '10.1.1.11', min_ttl: 255 }] }, { more: UNICAST4 }),
  worse('unicast IPv6', { peers: ['fd00:1::11'] }, { more: UNICAST6 }, six(0x209)),
  better('unicast link-local', { peers: ['fe80::ff:fe00:111'] }, { more: LINK_LOCAL6 }, six(0x20a)),
  ...(hasLaterForms()
    ? [
        better('both RFC 9568', { checksum: 'rfc9568' }, { more: PLAIN }),
        worse('both RFC 9568 behind', { checksum: 'rfc9568' }, { more: PLAIN }),
        worse('theirs RFC 9568', {}, { more: PLAIN }),
        better('hmac', { authentication: HMAC }, { more: theirHmac(1) }),
        worse('hmac behind', { authentication: HMAC }, { more: theirHmac(1) }),
        better('hmac with two keys', { authentication: HMAC }, { more: theirHmac(2) }),
        worse('hmac with two keys behind', { authentication: HMAC }, { more: theirHmac(2) }),
        better('hmac v2', { ...SECOND, authentication: HMAC }, { ...V2, more: theirHmac(1) }),
        worse(
          'hmac unicast',
          { peers: ['10.1.1.11'], authentication: HMAC },
          { more: [...UNICAST4, ...theirHmac(2)] },
        ),
        better('hmac IPv6', { authentication: HMAC }, { more: theirHmac(1) }, six(0x220)),
        worse(
          'hmac unicast IPv6',
          { peers: ['fd00:1::11'], authentication: HMAC },
          { more: [...UNICAST6, ...theirHmac(1)] },
          six(0x221),
        ),
      ]
    : []),
  better(
    'many addresses',
    {},
    {},
    {
      addresses: Array.from({ length: 60 }, (_, n) => `10.1.1.${101 + n}/24`),
    },
  ),
  better('excluded', {}, {}, { excluded: ['10.1.1.190/24', 'fd00:1::190/64'] }),
  worse('equal', { priority: 100 }, {}, EQUAL),
  worse('equal over IPv6', { priority: 100 }, {}, { ...EQUAL, ...six(0x211) }),
  better(
    'we do not preempt',
    { preempt: false },
    {},
    { oursWins: { afterTheirs: false, beforeTheirs: true } },
  ),
  worse(
    'they do not preempt',
    {},
    { more: ['state BACKUP', 'nopreempt'] },
    {
      oursWins: { afterTheirs: false, beforeTheirs: true },
    },
  ),
  better('we preempt late', { preempt: { delay: '1s' } }, {}),
  worse('they preempt late', {}, { more: ['preempt_delay 1'] }),
];

export const nameOf = ({ title }: Case): string => title.replaceAll(' ', '-');

const addressesOf = (each: Case): readonly string[] =>
  each.addresses ?? [`10.1.1.${201 + CASES.indexOf(each)}/24`];

/** All addresses of a case, without their length. */
export const vipsOf = (each: Case): readonly string[] =>
  [...addressesOf(each), ...(each.excluded ?? [])].map((address) => address.split('/')[0] ?? '');

const vridOf = (each: Case): number => CASES.indexOf(each) + 1;

/**
 * Seconds between two adverts of VRRPv3: who stands still for three of them gives way, which a busy machine must not
 * bring about.
 */
const INTERVAL = 0.9;

/** The VRID of a virtual router of VRRPv2, whose adverts are a second apart. */
export const SLOWEST = 1;

export const ourFile = fileOf(
  Object.fromEntries(
    CASES.map((each) => [
      nameOf(each),
      {
        interface: 'eth0',
        vrid: vridOf(each),
        advert_interval: `${INTERVAL * 1000}ms`,
        ...each.ours,
        addresses: [
          ...addressesOf(each),
          ...(each.excluded ?? []).map((address) => ({ address, excluded: true })),
        ],
      },
    ]),
  ),
);

export const theirInstances = CASES.map(
  (each): Instance => ({
    name: nameOf(each),
    vrid: vridOf(each),
    priority: 100,
    interval: INTERVAL,
    addresses: addressesOf(each),
    ...(each.excluded ? { excluded: each.excluded } : {}),
    ...each.theirs,
  }),
);
