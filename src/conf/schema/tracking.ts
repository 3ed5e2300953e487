/** What is tracked, and how virtual routers and sync groups use it. */
import * as z from 'zod';
import { address } from '../address-fields.ts';
import { duration } from '../duration.ts';
import { filePath, flag, interfaceName, mapping, name, oneOf, wholeNumber } from '../fields.ts';
import { phrase } from '../phrase.ts';
import { command, runAs } from './programs.ts';

/** One name, or a mapping with the name and how it counts. */
const use = <Name extends z.ZodType<string>>(itsName: Name, example: string) =>
  z
    .array(
      z
        .union(
          [
            itsName,
            z.strictObject({
              name: itsName.describe('What is tracked.'),
              weight: wholeNumber(-253, 253)
                .optional()
                .describe(
                  'Added to the priority: a positive one while it is up, a negative one while it is down. Of a file: the number that it holds times this. Default: FAULT while it is down.',
                ),
              inverse: flag().prefault(false).describe('Whether up and down change places.'),
            }),
          ],
          { error: phrase(`a name such as ${example}, or { name: ${example}, weight: -20 }`) },
        )
        .transform((value) =>
          typeof value === 'string' ? { name: value, weight: undefined, inverse: false } : value,
        ),
      { error: phrase(`a list such as [${example}, { name: ${example}, weight: -20 }]`) },
    )
    .prefault([]);

/** The `track` of a virtual router or a sync group. */
export const track = z.strictObject(
  {
    interfaces: use(interfaceName(), 'eth1').describe(
      'Network interfaces: up with a carrier. Those that carry the adverts and addresses are tracked anyway.',
    ),
    scripts: use(name(), 'chk').describe('Scripts of the section track.'),
    processes: use(name(), 'nginx').describe('Processes of the section track.'),
    files: use(name(), 'maint').describe('Files of the section track.'),
    services: use(name(), 'web').describe('Services: up while their quorum of real servers is healthy.'),
    gateways: use(name(), 'gw').describe('Gateways of the section track.'),
  },
  mapping('interfaces, scripts, processes, files, services and gateways'),
);

const count = (usual: number) => wholeNumber(1, 1000).prefault(usual);

const script = z.strictObject(
  {
    command: command('/usr/local/bin/chk').describe(
      'The program, or a list of it and its arguments. Exit code 0: up.',
    ),
    interval: duration({ least: '100ms', most: '1h' })
      .prefault('2s')
      .describe('From the start of one run to the start of the next.'),
    timeout: duration({ least: '10ms', most: '1h' })
      .optional()
      .describe('After which it is killed, which counts as down. Default: interval, at most 5s.'),
    rise: count(1).describe('Good runs in a row that bring it up.'),
    fall: count(1).describe('Bad runs in a row that take it down.'),
    initial: oneOf(['wait', 'up', 'down'])
      .prefault('wait')
      .describe(
        'How it counts before its first result; wait: the virtual router does not start without one.',
      ),
    ...runAs,
  },
  mapping('command, interval and others'),
);

const process = z.strictObject(
  {
    process: z
      .string({ error: phrase('the name of a program such as nginx, or its path') })
      .regex(/^[^\0\n]{1,4095}$/, { error: phrase('the name of a program such as nginx, or its path') })
      .describe("The program's name or path."),
    arguments: z
      .array(z.string({ error: phrase('an argument, in quotes where it looks like a number') }), {
        error: phrase('a list of arguments such as ["-c", /etc/nginx.conf]'),
      })
      .prefault([])
      .describe('Only processes with these among their arguments count.'),
    least: wholeNumber(1, 100_000).prefault(1).describe('How many must run.'),
    most: wholeNumber(1, 100_000).optional().describe('How many may run. Default: any number.'),
    interval: duration({ least: '100ms', most: '1h' }).prefault('1s').describe('From one look to the next.'),
    grace: duration({ least: '0s', most: '1h' })
      .prefault('0s')
      .describe('How long one that is missing may take to come back.'),
  },
  mapping('process, least and others'),
);

const file = z.strictObject(
  {
    path: filePath('/run/maint').describe(
      'The file: the number in it times the weight is added to the priority; none is 0. Down while it holds anything else.',
    ),
    interval: duration({ least: '100ms', most: '1h' })
      .prefault('1s')
      .describe('How often it is read where the kernel does not tell of a change.'),
  },
  mapping('path and interval'),
);

const gateway = z.strictObject(
  {
    interface: interfaceName().describe('The interface that the gateway is asked through, by ARP or ND.'),
    address: z
      .union([z.literal('default'), address()], {
        error: phrase('default, or the address of a gateway such as 10.1.1.9'),
      })
      .prefault('default')
      .describe('The gateway; default: that of the default route through the interface.'),
    interval: duration({ least: '100ms', most: '1h' })
      .prefault('1s')
      .describe('From one question to the next.'),
    rise: count(1).describe('Answers in a row that bring it up.'),
    fall: count(3).describe('Missing answers in a row that take it down.'),
  },
  mapping('interface, address and others'),
);

export const trackers = z.strictObject(
  {
    scripts: z
      .record(name(), script, mapping('names to scripts'))
      .prefault({})
      .describe('Scripts whose exit code is tracked.'),
    processes: z
      .record(name(), process, mapping('names to processes'))
      .prefault({})
      .describe('Processes that must run.'),
    files: z
      .record(name(), file, mapping('names to files'))
      .prefault({})
      .describe('Files that other programs write.'),
    gateways: z
      .record(name(), gateway, mapping('names to gateways'))
      .prefault({})
      .describe('Routers that must answer.'),
  },
  mapping('scripts, processes, files and gateways'),
);
