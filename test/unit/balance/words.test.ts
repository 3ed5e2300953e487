/** A change of settings in the words of the file. */
import { expect, it } from 'vitest';
import { operationText } from '../../../src/balance/words.ts';
import type { TableSettings } from '../../../src/model/ipvs-table.ts';
import { serviceFlags } from '../../../src/model/service-flags.ts';
import { entryAt } from '../../support/virtual-server.ts';

const settings: TableSettings = { scheduler: 'sh', flags: 0, timeout: 0, granularity: 32, engine: '' };
const flags = (more: Partial<Parameters<typeof serviceFlags>[0]>): number =>
  serviceFlags({ schedulerFlags: [], persistence: undefined, onePacket: false, ...more });

it.each<[Partial<TableSettings>, Partial<TableSettings>, string]>([
  [{}, { flags: flags({ schedulerFlags: ['sh-fallback'] }) }, 'scheduler flags none → sh-fallback'],
  [
    { flags: flags({ schedulerFlags: ['sh-fallback'], persistence: {} }), timeout: 300 },
    { flags: flags({ schedulerFlags: ['sh-fallback', 'sh-port'], persistence: {} }), timeout: 300 },
    'scheduler flags sh-fallback → sh-fallback and sh-port',
  ],
  [
    { scheduler: 'mh', flags: flags({ schedulerFlags: ['mh-port'] }) },
    { scheduler: 'wlc' },
    'scheduler mh → wlc, scheduler flags mh-port → none',
  ],
  [{}, { flags: flags({ persistence: {} }), timeout: 300 }, 'persistence none → 300 s'],
  [{ flags: flags({ onePacket: true }) }, {}, 'one-packet scheduling on → off'],
  [{ flags: 0x100 }, {}, 'flags 256 → 0'],
])('%j → %j', (was, is, text) => {
  expect(
    operationText({
      op: 'edit-virtual-server',
      key: entryAt('10.1.1.254'),
      was: { ...settings, ...was },
      settings: { ...settings, ...is },
    }),
  ).toBe(`change virtual server tcp 10.1.1.254:80: ${text}`);
});
