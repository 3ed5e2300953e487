import { describe, expect, test } from 'vitest';
import { remainingPrivileges, requestedIdentity } from '../../../src/checker/privileges.ts';

const NOBODY = { uid: 65534, gid: 65534 };
const status = (fields: Partial<Record<'Uid' | 'Groups' | 'CapEff' | 'CapAmb', string>> = {}): string =>
  [
    'Name:\tnode',
    `Uid:\t${fields.Uid ?? '65534\t65534\t65534\t65534'}`,
    'Gid:\t65534\t65534\t65534\t65534',
    `Groups:\t${fields.Groups ?? ' '}`,
    'NStgid:\t4711',
    'CapInh:\t0000000000000000',
    'CapPrm:\t0000000000000000',
    `CapEff:\t${fields.CapEff ?? '0000000000000000'}`,
    'CapBnd:\t000001ffffffffff',
    `CapAmb:\t${fields.CapAmb ?? '0000000000000000'}`,
    '',
  ].join('\n');

describe('the user to become', () => {
  test('nobody asked', () => expect(requestedIdentity({})).toBeUndefined());
  test('asked', () => {
    expect(requestedIdentity({ VIPWARD_CHECKER_UID: '65534', VIPWARD_CHECKER_GID: '65534' })).toEqual(NOBODY);
  });
  test.each([
    [{ VIPWARD_CHECKER_UID: '65534' }, 'VIPWARD_CHECKER_GID is not set'],
    [{ VIPWARD_CHECKER_UID: '0', VIPWARD_CHECKER_GID: '65534' }, 'VIPWARD_CHECKER_UID is 0'],
    [{ VIPWARD_CHECKER_UID: 'nobody', VIPWARD_CHECKER_GID: '1' }, 'VIPWARD_CHECKER_UID is nobody'],
    // (uid_t)-1 means "leave it" to setresuid(2).
    [{ VIPWARD_CHECKER_UID: '4294967295', VIPWARD_CHECKER_GID: '1' }, 'VIPWARD_CHECKER_UID is 4294967295'],
  ])('%o is refused', (environment, message) => {
    expect(() => requestedIdentity(environment)).toThrow(message);
  });
});

describe('what is left of privileges', () => {
  test('nothing', () => expect(remainingPrivileges(status(), NOBODY)).toEqual([]));
  test.each([
    ['a saved user', { Uid: '65534\t65534\t0\t65534' }, 'Uid 65534\t65534\t0\t65534'],
    ['a group of root', { Groups: '0 65534 ' }, 'Groups 0'],
    ['a capability', { CapEff: '0000000000001000' }, 'CapEff 0000000000001000'],
    ['an ambient capability', { CapAmb: '0000000000002000' }, 'CapAmb 0000000000002000'],
  ])('%s', (_name, fields, left) => {
    expect(remainingPrivileges(status(fields), NOBODY)).toEqual([left]);
  });
  test('a status without the fields counts as privileged', () => {
    expect(remainingPrivileges('', NOBODY)).not.toEqual([]);
  });
});
