import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/model/address.ts';
import { judge } from '../../../src/prepare/quiet.ts';
import { realServerNeeds } from '../../../src/prepare/real-server.ts';
import { settingName } from '../../../src/prepare/setting.ts';

const vips = [parseAddress('10.1.1.254')].flatMap((vip) => vip ?? []);
const { settings } = realServerNeeds([{ vips, forwarding: 'dr', outer: 'as the VIP' }], {
  links: [],
  filter: '0',
});

/** `ignore`: what each of `all` and the links has of arp_ignore; arp_announce is 2 for all. */
function judged(ignore: Readonly<Record<string, string>>, links = ['eth0', 'eth1.5']): readonly string[] {
  const read = ([, , , link = '', name]: readonly string[]) =>
    name === 'arp_ignore' ? ignore[link] : link === 'all' ? '2' : '0';
  return judge(settings, links, read)
    .map(({ setting, held, good }) => `${settingName(setting.path)} is ${held}: ${good ? 'good' : 'bad'}`)
    .filter((words) => words.includes('arp_ignore'));
}

const ALL = 'net.ipv4.conf.all.arp_ignore is';

describe('the greater of all and of the link', () => {
  it.each([
    ['all is enough', { all: '1', eth0: '0', 'eth1.5': '2' }, [`${ALL} 1: good`]],
    [
      'each has its own',
      { all: '0', eth0: '1', 'eth1.5': '2' },
      [`${ALL} 0, but each link has its own: good`],
    ],
    ['one has none', { all: '0', eth0: '1', 'eth1.5': '0' }, [`${ALL} 0, and no more on eth1.5: bad`]],
    ['none has any', { all: '0', eth0: '0', 'eth1.5': '0' }, [`${ALL} 0: bad`]],
    [
      'one has what the kernel does not know',
      { all: '1', eth0: '4', 'eth1.5': '0' },
      [`${ALL} 1: good`, 'net.ipv4.conf.eth0.arp_ignore is 4: bad'],
    ],
    [
      'one answers for all addresses of global scope',
      { all: '2', eth0: '0', 'eth1.5': '3' },
      [`${ALL} 2: good`, 'net.ipv4.conf.eth1/5.arp_ignore is 3: bad'],
    ],
    ['one has gone meanwhile', { all: '1', eth0: '0' }, [`${ALL} 1: good`]],
    ['a kernel has no such setting', {}, [`${ALL} not there: bad`]],
  ])('%s', (_, ignore, expected) => expect(judged(ignore)).toEqual(expected));

  it('without a link to be asked by, all counts', () => {
    expect(judged({ all: '0' }, [])).toEqual([`${ALL} 0: bad`]);
    expect(judged({ all: '1' }, [])).toEqual([`${ALL} 1: good`]);
  });
});
