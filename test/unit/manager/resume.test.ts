import { describe, expect, it } from 'vitest';
import { resumable } from '../../../src/manager/resume.ts';
import type { VirtualRouter } from '../../../src/model/config.ts';
import type { RouterStatus } from '../../../src/model/router-status.ts';
import { milliseconds } from '../../../src/model/units.ts';
import { routerStatus, virtualRouter } from '../../support/virtual-router.ts';

const afterCrash = (
  silence: number,
  router: Partial<VirtualRouter> = {},
  status: Partial<RouterStatus> = {},
): readonly string[] =>
  resumable(
    [{ ...virtualRouter(), ...router }],
    [{ ...routerStatus('active'), ...status }],
    milliseconds(silence),
  );

describe('a virtual router goes on as active after a crash', () => {
  it('when it was active, while no backup can have waited for three intervals', () => {
    expect(afterCrash(0)).toEqual(['web']);
    expect(afterCrash(1999)).toEqual(['web']);
    expect(afterCrash(2000)).toEqual([]);
  });

  it('when it has only another name now', () => {
    expect(afterCrash(0, { name: 'www' })).toEqual(['www']);
  });

  it.each([
    ['was a backup', {}, { state: 'backup' }],
    ['was handing over', {}, { releasing: true }],
    ['had another VRID', { vrid: 52 }, {}],
    ['was on another interface', { interface: 'eth1' }, {}],
  ] as const)('not when it %s', (_, router, status) => {
    expect(afterCrash(0, router, status)).toEqual([]);
  });
});
