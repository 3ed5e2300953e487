/** Labels, scopes, routes, rules and their notices, on this machine's kernel. */
import { afterAll, beforeAll, describe } from 'vitest';
import { expectCases, play } from './kernel-cases.ts';
import { ROUTING_CASES } from './kernel-network-routing-names.ts';
import { Lab } from './support/lab.ts';

let lab: Lab;
let here: Awaited<ReturnType<typeof play>>;

beforeAll(async () => {
  lab = await Lab.create();
  const host = await lab.addHost('h1', { ports: [] });
  here = await play(host, 'test/lab/kernel-network-routing-cases.ts');
  console.info(here.notes.trim());
});
afterAll(() => lab?.close());

describe('routes and rules of a real kernel', () => expectCases(ROUTING_CASES, () => here.played));
