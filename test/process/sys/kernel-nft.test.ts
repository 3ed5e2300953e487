/** nft as a program: what becomes of one that is missing, hangs, or is not wanted any more. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyRuleset, RulesetError } from '../../../src/kernel/nft.ts';
import { applyPacketRules } from '../../../src/kernel/packet-rules.ts';
import type { IpAddress } from '../../../src/model/address.ts';
import type { PacketRules } from '../../../src/model/packet-rules.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-nft-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A stand-in for nft. */
function program(name: string, ...lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** Of this process: for as long as `act` takes to return. */
function withoutDescriptors<T>(act: () => T): T {
  const limit = (soft: string | number) =>
    execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${soft}:`]);
  const [, soft = ''] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  const held: number[] = [];
  limit(256);
  try {
    // Until the kernel has no more.
    while (held.length < 1_000) held.push(openSync('/dev/null', 'r'));
  } catch {}
  try {
    return act();
  } finally {
    for (const descriptor of held) closeSync(descriptor);
    limit(soft);
  }
}

describe('a ruleset', () => {
  it('is given to nft as a whole, on its standard input', async () => {
    const keeping = program('keep', `cat >${directory}/given; test "$*" = '-f -'`);
    const text = 'add table inet x\n'.repeat(20_000);
    await applyRuleset(text, 'try', { program: keeping });
    expect(readFileSync(join(directory, 'given'), 'utf8')).toBe(text);
  });

  it('that is refused: nft’s own words, and what was tried', async () => {
    const refusing = program('refuse', 'echo "syntax error" >&2', 'exit 1');
    const text = 'x'.repeat(1_000_000);
    await expect(applyRuleset(text, 'refuse packets', { program: refusing })).rejects.toThrow(
      /^refuse packets: nft refused it \(1\): syntax error$/,
    );
  });

  it('that takes too long: nft is killed', async () => {
    const hanging = program('hang', `echo $$ >${directory}/pid`, 'exec tail -f /dev/null');
    // On a busy machine it may not even have begun by then: it has more time the next time.
    for (const timeout of [1_000, 10_000]) {
      const error = await applyRuleset('', 'try', { program: hanging, timeout }).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(RulesetError);
      expect(error.message).toBe(`try: nft did not end within ${timeout} ms`);
      if (existsSync(join(directory, 'pid'))) break;
    }
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it('that is not wanted any more: the signal’s reason', async () => {
    const hanging = program('wait', 'exec tail -f /dev/null');
    const abort = new AbortController();
    const applying = applyRuleset('', 'try', { program: hanging, signal: abort.signal });
    abort.abort(new Error('stopped'));
    await expect(applying).rejects.toThrow('stopped');
    await expect(applyRuleset('', 'try', { program: hanging, signal: abort.signal })).rejects.toThrow(
      'stopped',
    );
  });

  it('without a program to give it to', async () => {
    const missing = join(directory, 'missing');
    await expect(applyRuleset('', 'try', { program: missing })).rejects.toThrow(
      `try: cannot start ${missing}: spawn ${missing} ENOENT`,
    );
  });

  it('while no descriptor is left', async () => {
    const keeping = program('unheard', 'exec cat >/dev/null');
    const applying = withoutDescriptors(() => applyRuleset('', 'try', { program: keeping }));
    await expect(applying).rejects.toThrow(`try: cannot start ${keeping}: spawn ${keeping} EMFILE`);
    await applyRuleset('', 'try', { program: keeping });
  });
});

describe('marks and source NATs', () => {
  const rules: PacketRules = {
    marks: [{ mark: 7, address: '10.1.1.254' as IpAddress, protocol: 'tcp', ports: [{ from: 80, to: 80 }] }],
    sourceNats: [],
  };
  /** Somebody removes the table right after it was set, so often. */
  const removedAtOnce = (name: string, times: number) =>
    program(
      name,
      `if [ "$1" = -f ]; then echo set >>${directory}/${name}.done; exec cat >/dev/null; fi`,
      `[ -e ${directory}/${name}.done ] && [ "$(wc -l <${directory}/${name}.done)" -gt ${times} ] || exit 0`,
      '[ "$2" = tables ] && exec echo table inet vipward-ipvs; exec echo "table inet vipward-ipvs {"',
    );

  it('that somebody removes before they were read are set again', async () => {
    const held = await applyPacketRules(rules, { program: removedAtOnce('flushed', 2) });
    expect(held).toBe('table inet vipward-ipvs {\n');
  });

  it('that somebody removes each time do not hold', async () => {
    await expect(applyPacketRules(rules, { program: removedAtOnce('gone', 9) })).rejects.toThrow(
      'set 1 marks and 0 source NATs: somebody has removed table inet vipward-ipvs at once, 3 times',
    );
  });
});
