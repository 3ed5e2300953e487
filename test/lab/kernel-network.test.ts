/** Links, addresses and their notices, on this machine's kernel. */
import { afterAll, beforeAll, describe } from 'vitest';
import { expectCases, play } from './kernel-cases.ts';
import { NETWORK_CASES } from './kernel-network-names.ts';
import { Lab } from './support/lab.ts';

let lab: Lab;
let here: Awaited<ReturnType<typeof play>>;

beforeAll(async () => {
  lab = await Lab.create();
  const host = await lab.addHost('h1', { ports: [] });
  here = await play(host, 'test/lab/kernel-network-cases.ts');
});
afterAll(() => lab?.close());

describe('links and addresses of a real kernel', () => expectCases(NETWORK_CASES, () => here.played));
