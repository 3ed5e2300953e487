import { describe, expect, it } from 'vitest';
import { SettingsLedger } from '../../../src/prepare/ledger.ts';
import type { SettingPath } from '../../../src/prepare/setting.ts';

const FORWARD: SettingPath = ['net', 'ipv4', 'ip_forward'];
const setting = { path: FORWARD, value: '1', orElse: [], without: '' };

function kernel(value = '0') {
  const held = { value, refuses: false };
  const access = {
    read: () => held.value,
    write: (_: SettingPath, written: string) => {
      if (held.refuses) return new Error('read-only');
      held.value = written;
      return undefined;
    },
  };
  return { held, access };
}

describe('what was changed', () => {
  it('is known before it is changed, and is put back from what is known then', () => {
    const { held, access } = kernel();
    const ledger = new SettingsLedger(access, []);
    ledger.intend([setting]);
    const killedBefore = ledger.changed;
    ledger.set(setting);
    for (const change of new SettingsLedger(access, killedBefore).changed)
      expect(new SettingsLedger(access, killedBefore).putBack(change)).toBe('done');
    expect(held.value).toBe('0');
    const [change] = killedBefore;
    expect(change && new SettingsLedger(access, killedBefore).putBack(change)).toBe('kept');
    expect(held.value).toBe('0');
  });

  it('is not what the kernel refused, but stays what it refuses to put back', () => {
    const { held, access } = kernel();
    const ledger = new SettingsLedger(access, []);
    held.refuses = true;
    ledger.intend([setting]);
    expect(ledger.set(setting)).toBeInstanceOf(Error);
    expect(ledger.changed).toEqual([]);
    held.refuses = false;
    ledger.set(setting);
    held.refuses = true;
    const [change] = ledger.changed;
    expect(change && ledger.putBack(change)).toBeInstanceOf(Error);
    expect(ledger.changed).toEqual([{ path: FORWARD, was: '0', set: '1' }]);
    held.refuses = false;
    expect(change && ledger.putBack(change)).toBe('done');
    expect([held.value, ledger.changed]).toEqual(['0', []]);
  });
});
