/** What is removed and added again keeps its connections: the setting that would end them is off meanwhile. */
import { expect, it } from 'vitest';
import { keepingConnections } from '../../../src/kernel/kept-connections.ts';
import { carryOut } from '../../../src/manager/table-work.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { TableOperation, TableRealServer } from '../../../src/model/ipvs-table.ts';
import { atOnce } from '../../../src/model/steps.ts';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { entryAt } from '../../support/virtual-server.ts';

const key = entryAt('10.1.1.254');
const server = (last: number): TableRealServer => ({
  address: `10.1.1.${last}` as IpAddress,
  port: 80,
  forwarding: 'dr',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
});
const add = (last: number): TableOperation => ({ op: 'add-real-server', key, realServer: server(last) });
const remove = (last: number): TableOperation => ({
  op: 'remove-real-server',
  key,
  realServer: server(last),
});

/** What the setting was while the work was done, and what it is behind that. */
function seen(
  operations: readonly TableOperation[],
  before: string | undefined,
  { refused = false, fails = false } = {},
): readonly (string | undefined)[] {
  let value = before;
  let during: string | undefined;
  const setting = {
    read: () => value,
    write: (next: string) => {
      if (refused) return new Error('read-only');
      value = next;
      return undefined;
    },
  };
  const work = () => {
    during = value;
    if (fails) throw new Error('the kernel did not answer');
    return 'done';
  };
  if (fails) expect(() => keepingConnections(operations, work, setting)).toThrow('did not answer');
  else expect(keepingConnections(operations, work, setting)).toBe('done');
  return [during, value];
}

it('only while something is removed that is added again, and back behind that in any case', () => {
  const again = [remove(2), add(2), remove(3), add(3)];
  expect(seen(again, '1')).toEqual(['0', '1']);
  expect(seen(again, '1', { fails: true })).toEqual(['0', '1']);
  expect(seen(again, '1', { refused: true })).toEqual(['1', '1']);
  expect(seen(again, '0')).toEqual(['0', '0']);
  expect(seen(again, undefined)).toEqual([undefined, undefined]);
  // Those of a real server that is gone are ended.
  expect(seen([add(2), remove(3)], '1')).toEqual(['1', '1']);
});

it('both in one piece of the work, however long that is', () => {
  class Watched extends FakeIpvs {
    readonly pieces: (readonly TableOperation[])[] = [];
    override apply(operations: readonly TableOperation[]) {
      this.pieces.push(operations);
      return super.apply(operations);
    }
  }
  const ipvs = new Watched();
  const operations = [add(1), ...Array.from({ length: 250 }, (_, i) => [remove(i + 2), add(i + 2)]).flat()];
  atOnce(carryOut(ipvs, operations, []));
  expect(ipvs.pieces.length).toBeGreaterThan(1);
  for (const piece of ipvs.pieces) expect(piece.at(-1)?.op).toBe('add-real-server');
});
