import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectProgram } from '../../../../src/conf/files.ts';
import { resolveIdentity } from '../../../../src/manager/run/identity.ts';
import { RefusedProgram } from '../../../../src/manager/run/program.ts';
import { findProgram, mustBeRootsOwn } from '../../../../src/manager/run/trusted-path.ts';
import { changeableText } from '../../../../src/model/trusted-path.ts';

const NOBODY = 65_534;
let folder: string;
let program: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vipward-trust-'));
  mkdirSync(join(folder, 'bin'), { mode: 0o755 });
  program = join(folder, 'bin/notify');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Why it would not be run; whoever reads the configuration is warned in the same words. */
async function refusal(path = program): Promise<string> {
  const facts = inspectProgram(path);
  if ('problem' in facts) throw new Error(facts.problem);
  const warning = facts.changeable && changeableText(path, facts.changeable);
  const refused = await refusalAlone(path);
  expect(refused).toBe(warning === undefined ? 'trusted' : `${warning}, or name the user to run as`);
  return refused;
}

const refusalAlone = (path: string): Promise<string> =>
  mustBeRootsOwn(path).then(
    () => 'trusted',
    (error: Error) => {
      expect(error).toBeInstanceOf(RefusedProgram);
      return error.message;
    },
  );

describe('a program that root is to run', () => {
  it('is trusted when all on the way to it is root’s own, /tmp with its sticky bit included', async () => {
    expect(await refusal()).toBe('trusted');
    expect(await refusal('/bin/sh')).toBe('trusted');
  });

  it.each([
    ['belongs to somebody else', () => chownSync(program, NOBODY, 0), /notify belongs to user 65534/],
    ['can be written by everybody', () => chmodSync(program, 0o757), /notify can be written by everybody/],
    [
      'can be written by a group',
      () => {
        chownSync(program, 0, NOBODY);
        chmodSync(program, 0o775);
      },
      /notify can be written by group 65534/,
    ],
    ['lies in somebody’s folder', () => chownSync(join(folder, 'bin'), NOBODY, 0), /bin belongs to user/],
    [
      'lies in an open folder',
      () => chmodSync(join(folder, 'bin'), 0o777),
      /bin can be written by everybody/,
    ],
    [
      'lies in a sticky folder that is somebody’s',
      () => {
        chownSync(join(folder, 'bin'), NOBODY, 0);
        chmodSync(join(folder, 'bin'), 0o1755);
      },
      /bin belongs to user 65534/,
    ],
    ['lies below somebody’s folder', () => chownSync(folder, NOBODY, 0), /vipward-trust-\w+ belongs to user/],
  ])('is refused when it %s', async (_what, spoil, message) => {
    spoil();
    expect(await refusal()).toMatch(message);
  });

  it('is trusted with a group of root’s that may write', async () => {
    chmodSync(program, 0o775);
    expect(await refusal()).toBe('trusted');
  });

  it('is refused through a link that lies in somebody’s folder, or that leads to one', async () => {
    mkdirSync(join(folder, 'open'));
    symlinkSync('../bin/notify', join(folder, 'open/link'));
    expect(await refusal(join(folder, 'open/link'))).toBe('trusted');
    chmodSync(join(folder, 'open'), 0o777);
    expect(await refusal(join(folder, 'open/link'))).toMatch(/open can be written by everybody/);
    symlinkSync('open', join(folder, 'alias'));
    expect(await refusal(join(folder, 'alias/link'))).toMatch(/open can be written/);
    symlinkSync('loop', join(folder, 'loop'));
    expect(await refusalAlone(join(folder, 'loop'))).toMatch(/too many symbolic links/);
  });

  it('cannot hide a folder behind dots', async () => {
    mkdirSync(join(folder, 'open'), { mode: 0o777 });
    chmodSync(join(folder, 'open'), 0o777);
    // Not by join(), which would take the dots out.
    symlinkSync(`${folder}/open/../bin/notify`, join(folder, 'dots'));
    expect(await refusal(join(folder, 'dots'))).toMatch(/open can be written/);
  });

  it('is the one that the kernel finds, where dots follow a link', async () => {
    mkdirSync(join(folder, 'theirs/x'), { recursive: true });
    for (const place of ['theirs/notify', 'notify'])
      writeFileSync(join(folder, place), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('theirs/x', join(folder, 'way'));
    const path = `${folder}/way/../notify`;
    expect(await refusal(path)).toBe('trusted');
    chownSync(join(folder, 'theirs/notify'), NOBODY, 0);
    expect(await refusal(path)).toMatch(/theirs\/notify belongs to user 65534/);
  });

  it('is refused through a link that is somebody’s own, wherever that lies', async () => {
    symlinkSync('bin/notify', join(folder, 'link'));
    expect(await refusal(join(folder, 'link'))).toBe('trusted');
    lchownSync(join(folder, 'link'), NOBODY, 0);
    expect(await refusal(join(folder, 'link'))).toMatch(/link belongs to user 65534/);
  });
});

describe('a program that is looked for', () => {
  it('is found by its name in the first folder that has one to execute', async () => {
    mkdirSync(join(folder, 'first'));
    writeFileSync(join(folder, 'first/notify'), '', { mode: 0o644 });
    expect(await findProgram('notify', `${folder}/first:${folder}/bin`)).toBe(program);
    await expect(findProgram('other', `${folder}/bin`)).rejects.toThrow('there is no program other in');
  });
});

describe('a user and a group', () => {
  const files = () => {
    writeFileSync(join(folder, 'passwd'), 'root:x:0:0::/:/bin/sh\nlb:x:990:991::/:/bin/false\n');
    writeFileSync(join(folder, 'group'), 'root:x:0:\nadm:x:4:lb\n');
    return { passwd: join(folder, 'passwd'), group: join(folder, 'group') };
  };
  it.each([
    [undefined, undefined, 0, 0],
    ['lb', undefined, 990, 991],
    ['990', undefined, 990, 991],
    ['lb', 'adm', 990, 4],
    ['7', undefined, 7, 7],
    ['7', '8', 7, 8],
    [undefined, 'adm', 0, 4],
  ])('%s and %s are %i and %i', async (user, group, uid, gid) => {
    expect(await resolveIdentity({ user, group }, files())).toEqual({ uid, gid });
  });

  it.each([
    ['nobody-here', undefined],
    ['', undefined],
    ['4294967295', undefined],
    ['lb', 'nothing'],
  ])('%s and %s are refused', async (user, group) => {
    await expect(resolveIdentity({ user, group }, files())).rejects.toThrow(RefusedProgram);
  });

  it('need no files when they are numbers', async () => {
    const none = { passwd: join(folder, 'none'), group: join(folder, 'none') };
    expect(await resolveIdentity({ user: '7', group: '8' }, none)).toEqual({ uid: 7, gid: 8 });
    await expect(resolveIdentity({ user: 'lb', group: undefined }, none)).rejects.toThrow('no user lb');
  });
});
