import { describe, expect, it } from 'vitest';
import type { TrackUse } from '../../../src/model/tracking.ts';
import type { LinkCondition } from '../../../src/vrrp/process/interface-view.ts';
import { TrackedLinks } from '../../../src/vrrp/process/tracked-links.ts';
import { virtualRouter } from '../../support/virtual-router.ts';

const use = (kind: TrackUse['kind'], name: string): TrackUse => ({
  kind,
  name,
  weight: undefined,
  inverse: false,
});
const web = virtualRouter({ track: [use('interface', 'eth1'), use('script', 'chk')] });
const group = { name: 'g', members: ['web'], track: [use('interface', 'eth2')], notify: web.notify };

function start() {
  const links = new Map<string, LinkCondition>([['eth1', { name: 'eth1', up: true, running: true }]]);
  const tracked = new TrackedLinks((name) => links.get(name));
  return { links, tracked };
}

describe('tracked interfaces', () => {
  it('have verdicts from the start, those of groups too, and nothing else has', () => {
    const { tracked } = start();
    expect(tracked.configure({ routers: [web, web], groups: [group] })).toEqual([
      { kind: 'interface', name: 'eth1', value: 1, state: 'up', reason: 'interface eth1 has a carrier' },
      { kind: 'interface', name: 'eth2', value: 1, state: 'down', reason: 'interface eth2 does not exist' },
    ]);
  });

  it('tell once what has changed, also where down has another reason', () => {
    const { links, tracked } = start();
    tracked.configure({ routers: [web], groups: [] });
    expect(tracked.changed()).toEqual([]);
    links.set('eth1', { name: 'eth1', up: true, running: false });
    expect(tracked.changed()).toMatchObject([{ state: 'down', reason: 'interface eth1 has no carrier' }]);
    expect(tracked.changed()).toEqual([]);
    links.delete('eth1');
    expect(tracked.changed()).toMatchObject([{ state: 'down', reason: 'interface eth1 does not exist' }]);
  });
});
