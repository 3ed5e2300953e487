/** Connection tracking of a namespace that refuses: as many as a full table does must not take the memory of a host. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { TranslatedConnection } from '../../../src/model/connections.ts';
import { Lab } from '../../lab/support/lab.ts';
import { CHECKOUT } from '../../lab/support/node.ts';

let lab: Lab | undefined;
afterEach(() => lab?.close());

it('of connections that are refused a few errors are kept', async () => {
  lab = await Lab.create();
  const director = await lab.addHost('lvs1', { ports: [] });
  // No connection is of two families.
  const refused = {
    protocol: 'tcp',
    state: 'established',
    client: { address: '10.0.0.1', port: 40_000 },
    virtual: { address: '10.1.1.254', port: 80 },
    realServer: { address: 'fd00::2', port: 80 },
    source: { address: '10.1.1.253', port: 40_000 },
    timeout: 60,
  } as unknown as TranslatedConnection;
  const program = [process.execPath, join(CHECKOUT, 'test/lab/conntrack-driver.ts')];
  const said = await director.run([...program, JSON.stringify(Array(100).fill(refused))]);
  const { made, there, errors } = JSON.parse(said);
  expect([made, there]).toEqual([0, 0]);
  expect(errors).toHaveLength(10);
});
