/** What the machine tells that a configuration is held against: read once, so that loading stays pure. */
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { familyOf, fullLength, type Prefix, parseAddress } from '../model/address.ts';
import type { Changeable } from '../model/trusted-path.ts';
import { fileProblem, inspectProgram, readSecret } from './files.ts';

export interface Environment {
  readonly hostName: string;
  /** All that exist. The addresses of one that is down or has no carrier are not known (libuv leaves them out). */
  readonly interfaces: readonly InterfaceAddresses[];
  /** Reads a file that holds a password or a key. Never throws. */
  readonly readSecret: ReadSecret;
  /** Why a file cannot be read, in words that go on after its path; undefined when it can. Never throws. */
  readonly fileProblem: (path: string) => string | undefined;
  /** Looks at a program that the configuration names, by its path or a name. Never throws. */
  readonly inspectProgram: (command: string) => ProgramFacts;
}

/** The text of a file without its line's end, or why there is none, in words that go on after the path. */
export type ReadSecret = (path: string) => Secret;
export type Secret =
  | {
      readonly text: string;
      /** Whether others than its owner can read it. */
      readonly exposed: boolean;
    }
  | { readonly problem: string };

export type ProgramFacts =
  | {
      /** Where others than root can put another in its place, if they can. */
      readonly changeable: Changeable | undefined;
    }
  /** Why it cannot be run, in words that go on after its path. */
  | { readonly problem: string };

export interface InterfaceAddresses {
  readonly name: string;
  readonly addresses: readonly Prefix[];
}

/** Needs no privileges. Reads the network namespace of the caller. */
export function readEnvironment(): Environment {
  const addresses = new Map(
    Object.entries(networkInterfaces()).map(([name, infos]) => [name, (infos ?? []).flatMap(toPrefix)]),
  );
  const names = new Set([...interfaceNames(), ...addresses.keys()]);
  return {
    hostName: hostname(),
    interfaces: [...names].map((name) => ({ name, addresses: addresses.get(name) ?? [] })),
    readSecret,
    fileProblem,
    inspectProgram,
  };
}

/**
 * networkInterfaces() leaves out what is down, has no carrier or no address. /proc/self/net is always of the namespace
 * one is in, whereas /sys/class/net is of the one in which /sys was mounted.
 */
function interfaceNames(): readonly string[] {
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n');
  return lines.flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
}

function toPrefix({ address, cidr }: { address: string; cidr: string | null }): Prefix[] {
  const parsed = parseAddress(address);
  if (parsed === undefined) return [];
  const full = fullLength(familyOf(parsed));
  return [{ address: parsed, length: Number(cidr?.split('/')[1] ?? full) }];
}
