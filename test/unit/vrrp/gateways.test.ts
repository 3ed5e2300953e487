import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAddress } from '../../../src/model/address.ts';
import type { GatewayTracker, TrackVerdict } from '../../../src/model/tracking.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { Gateways } from '../../../src/vrrp/process/gateways.ts';
import { until } from '../../support/until.ts';

const INTERVAL = 50;
const tracker: GatewayTracker = {
  name: 'router',
  interface: 'eth0',
  address: parseAddress('10.1.1.9'),
  interval: milliseconds(INTERVAL),
  rise: 1,
  fall: 1,
};

let gateways: Gateways;
let verdicts: TrackVerdict['state'][];
let questions: number;
/** What becomes of a question, by its number. */
let becomes: (question: number, answer: () => void) => void;

beforeEach(() => {
  verdicts = [];
  questions = 0;
  gateways = new Gateways({
    routes: { list: () => [] },
    ask: (interfaceName, address) =>
      becomes(++questions, () => setImmediate(() => gateways.onClaim(interfaceName, address))),
    onVerdict: ({ state }) => verdicts.push(state),
  });
});
afterEach(() => gateways.close());

/** This process does nothing for so long that its questions are late, as if the machine were paused. */
const standStill = (): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * INTERVAL + 150);

it('a gateway is not dead because this process stood still between a question and its answer', async () => {
  becomes = (question, answer) => {
    if (question === 3) standStill();
    else answer();
  };
  gateways.configure([tracker]);
  await until(() => questions > 5);
  expect(verdicts).toEqual(['up']);
});

it('a dead one is found by a process that always stands still, too', async () => {
  becomes = (question, answer) => {
    if (question < 3) answer();
    else standStill();
  };
  gateways.configure([tracker]);
  await until(() => verdicts.includes('down'));
  expect(questions).toBeLessThan(10);
});
