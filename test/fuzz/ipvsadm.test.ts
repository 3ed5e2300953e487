/** Whatever stands on a command line or in the kernel's list of connections: a meaning or a reason. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCommandLine } from '../../src/ipvsadm/command-line.ts';
import { CommandLineError } from '../../src/ipvsadm/command-line-error.ts';
import { formatConnections } from '../../src/ipvsadm/connections.ts';
import { NUMERIC } from '../../src/ipvsadm/names.ts';
import { mergeSorted } from '../../src/ipvsadm/order.ts';
import { readConnections } from '../../src/kernel/ipvs-connections.ts';
import { encodeOperation } from '../../src/netlink/ipvs/command.ts';
import { encodeNewDaemon } from '../../src/netlink/ipvs/daemon.ts';
import { encodeSetTimeouts } from '../../src/netlink/ipvs/timeouts.ts';
import { EVERYTHING, LINES } from '../lab/ipvsadm-table.ts';
import { NAMES } from '../unit/ipvsadm/support.ts';

const WORDS = [...new Set([...EVERYTHING, ...LINES].flatMap((line) => line.split(' ')))];
const word = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.string() },
);
const genuine = fc.constantFrom(...EVERYTHING, ...LINES).map((line) => line.split(' '));
const line = fc.oneof(
  fc.array(word, { maxLength: 12 }),
  fc.tuple(genuine, fc.array(word, { maxLength: 3 })).map(([first, more]) => [...first, ...more]),
);

it('a command line has a meaning that the kernel can be told, or a reason why not', () =>
  fc.assert(
    fc.asyncProperty(line, async (argv) => {
      try {
        const command = await readCommandLine(argv, NAMES);
        if (command.kind === 'change') encodeOperation(command.operation);
        if (command.kind === 'start-daemon') encodeNewDaemon(command.spec);
        if (command.kind === 'set-timeouts') encodeSetTimeouts(command.timeouts);
      } catch (error) {
        expect(error).toBeInstanceOf(CommandLineError);
      }
    }),
    { numRuns: 3_000 },
  ));

it('a list of connections is printed as far as it is one', () =>
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('TCP', '0A010101', '0050', 'ESTABLISHED', '9', '\n'))),
      (words) => {
        const text = words.join(' ');
        const printed = formatConnections(readConnections(text), true, NUMERIC);
        expect(printed.split('\n').length).toBeLessThanOrEqual(text.split('\n').length + 2);
      },
    ),
  ));

it('a merge sorts', () =>
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      expect(mergeSorted(numbers, (a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b));
    }),
  ));
