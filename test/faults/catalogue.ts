/** Every fault, in the order in which they are shown. */
import { addressFaults } from './addresses.ts';
import type { Fault } from './fault.ts';
import { machineFaults } from './machines.ts';
import { networkFaults } from './network.ts';
import { processFaults } from './processes.ts';
import { reloadFaults } from './reloads.ts';
import { resourceFaults } from './resources.ts';

export const FAULTS: readonly Fault[] = [
  ...processFaults,
  ...machineFaults,
  ...networkFaults,
  ...addressFaults,
  ...reloadFaults,
  ...resourceFaults,
];
