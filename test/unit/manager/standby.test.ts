import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Standby, withGroups } from '../../../src/manager/standby.ts';

let directory: string;
let said: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vipward-standby-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const router = (name: string, vrid = name.length, on = 'eth0') => ({ name, interface: on, vrid });
const open = () => new Standby(directory, (_, message) => void said.push(message));

it('is remembered by the next daemon until it ends, for some or for all', () => {
  open().add([router('web'), router('mail'), router('db')]);
  const second = open();
  expect(second.names).toEqual(['db', 'mail', 'web']);
  expect(second.remove(['web', 'nobody'])).toEqual(['web']);
  const third = open();
  expect(third.names).toEqual(['db', 'mail']);
  expect(third.remove([])).toEqual(['db', 'mail']);
  expect(open().names).toEqual([]);
  expect(said).toEqual([]);
});

it('writes nothing where nothing changes', () => {
  const standby = open();
  standby.remove([]);
  expect(() => statSync(join(directory, 'standby.json'))).toThrow(/ENOENT/);
  standby.add([router('web')]);
  const { ino } = statSync(join(directory, 'standby.json'));
  standby.add([router('web')]);
  expect(standby.remove(['mail'])).toEqual([]);
  expect(statSync(join(directory, 'standby.json')).ino).toBe(ino);
});

it('goes on without a file that cannot be read or written, and says so', () => {
  writeFileSync(join(directory, 'standby.json'), 'nonsense');
  mkdirSync(join(directory, 'standby.json.new'));
  const standby = open();
  standby.add([router('web')]);
  expect(standby.names).toEqual(['web']);
  expect(said).toEqual([
    expect.stringMatching(/cannot use .*standby\.json.* it is kept as/),
    expect.stringMatching(/cannot write .*standby\.json/),
  ]);
});

it('concerns all that are active only together', () => {
  const groups = [{ members: ['web', 'inside'] }, { members: ['mail', 'db'] }];
  expect(withGroups(['web', 'alone'], groups)).toEqual(['web', 'alone', 'inside']);
  expect(withGroups([], groups)).toEqual([]);
});

it('follows a virtual router that is renamed, or moved under its name', () => {
  const standby = open();
  standby.add([router('web', 51), router('db', 52), router('gone', 53)]);
  standby.follow([router('www', 51), router('db', 62), router('web', 99)]);
  expect(standby.names).toEqual(['db', 'gone', 'www']);
  const second = open();
  second.follow([router('later', 51), router('data', 62)]);
  expect(second.names).toEqual(['data', 'gone', 'later']);
});
