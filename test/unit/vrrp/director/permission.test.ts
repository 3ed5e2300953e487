/** The stages of leave to become active, one after the other. */
import { describe, expect, it } from 'vitest';
import { instant, milliseconds } from '../../../../src/model/units.ts';
import {
  answered,
  type Circumstances,
  describePermission,
  fenced,
  type Guards,
  idlePermission,
  type Permission,
  permissionDeadline,
  proceed,
} from '../../../../src/vrrp/director/permission.ts';
import { ip } from '../support.ts';

const NOW = instant(1000);
const NOTHING: Guards = { probe: false, arbiter: false, fencing: undefined };
const ARBITER: Guards = { ...NOTHING, arbiter: true };
const FENCING: Guards = { ...NOTHING, fencing: { takeOverAfter: undefined } };
const LATER: Guards = { ...NOTHING, fencing: { takeOverAfter: milliseconds(60_000) } };

const circumstances = (changes: Partial<Circumstances> = {}): Circumstances => ({
  unanimous: true,
  leaseHeld: false,
  silentPeer: undefined,
  clearAt: undefined,
  longestLease: milliseconds(4000),
  ...changes,
});

const next = (permission: Permission, guards: Guards, changes: Partial<Circumstances> = {}, now = NOW) =>
  proceed(permission, guards, now, circumstances(changes), 7);

const idle = idlePermission();
const probing: Permission = {
  stage: 'probe',
  until: instant(1050),
  giveUpAt: instant(5000),
  answered: false,
};
const fence: Permission = { stage: 'fence', id: 7 };
const done = { done: true, reason: 'off' };
const failed = { done: false, reason: 'exit code 1' };

describe('leave', () => {
  it('is given at once where nothing guards', () => {
    expect(next(idle, NOTHING)).toEqual({ outcome: 'granted' });
  });

  it('waits until every member wants it', () => {
    expect(next(probing, NOTHING, { unanimous: false })).toEqual({
      outcome: 'wait',
      permission: { stage: 'members' },
    });
    expect(next({ stage: 'members' }, NOTHING)).toEqual({ outcome: 'granted' });
  });

  it('waits for an answer to the probe, and goes on without one', () => {
    const guards = { ...NOTHING, probe: true };
    expect(next(idle, guards)).toEqual({ outcome: 'wait', permission: probing, probe: true });
    expect(next(probing, guards, {}, instant(1049))).toEqual({ outcome: 'wait', permission: probing });
    expect(next(probing, guards, {}, instant(1050))).toEqual({ outcome: 'granted' });
  });

  it('asks again while somebody answers, for as long as an address lease lasts', () => {
    const guards = { ...NOTHING, probe: true };
    const heard = answered(probing);
    expect(next(heard, guards, {}, instant(1050))).toEqual({
      outcome: 'wait',
      permission: { ...probing, until: instant(1100) },
      probe: true,
    });
    expect(next(heard, guards, {}, instant(5000))).toEqual({ outcome: 'granted' });
    expect(answered(idle)).toBe(idle);
  });

  it('waits for the lease, and then until the former owner has lost its addresses', () => {
    const lease: Permission = { stage: 'lease' };
    expect(next(idle, ARBITER)).toEqual({ outcome: 'wait', permission: lease });
    expect(next(lease, ARBITER)).toEqual({ outcome: 'wait', permission: lease });
    const lapse: Permission = { stage: 'lapse', until: instant(3000) };
    const silent = { leaseHeld: true, clearAt: instant(3000) };
    expect(next(lease, ARBITER, silent)).toEqual({ outcome: 'wait', permission: lapse });
    expect(next(lapse, ARBITER, { ...silent, leaseHeld: false })).toEqual({
      outcome: 'wait',
      permission: lease,
    });
    expect(next(lapse, ARBITER, silent, instant(3000))).toEqual({ outcome: 'granted' });
    expect(next(lapse, ARBITER, { leaseHeld: true })).toEqual({ outcome: 'granted' });
  });

  it('fences the peer that fell silent, and no other', () => {
    const silentPeer = ip('10.1.1.12');
    expect(next(idle, FENCING)).toEqual({ outcome: 'granted' });
    expect(next(idle, FENCING, { silentPeer })).toEqual({ outcome: 'wait', permission: fence, fence: 7 });
    expect(next(fence, FENCING, { silentPeer })).toEqual({ outcome: 'wait', permission: fence });
  });

  it('fences nobody without the lease', () => {
    const guards = { ...FENCING, arbiter: true };
    const silentPeer = ip('10.1.1.12');
    expect(next(idle, guards, { silentPeer })).toMatchObject({ permission: { stage: 'lease' } });
    expect(next({ stage: 'lease' }, guards, { silentPeer, leaseHeld: true })).toMatchObject({ fence: 7 });
    expect(next(fence, guards, { silentPeer })).toEqual({ outcome: 'wait', permission: { stage: 'lease' } });
  });

  it('is given after a fence that did its work, if the lease is still held', () => {
    expect(fenced(fence, 7, done, FENCING, NOW, false)).toEqual({ outcome: 'granted' });
    expect(fenced(fence, 7, done, { ...FENCING, arbiter: true }, NOW, false)).toEqual({
      outcome: 'wait',
      permission: { stage: 'lease' },
    });
    expect(fenced(fence, 6, done, FENCING, NOW, false)).toBeUndefined();
    expect(fenced(idle, 7, done, FENCING, NOW, false)).toBeUndefined();
  });

  it('is refused after a fence that failed, or given some time later', () => {
    expect(fenced(fence, 7, failed, FENCING, NOW, false)).toEqual({
      outcome: 'refused',
      reason: 'no take-over: the fence failed: exit code 1',
    });
    const silentPeer = ip('10.1.1.12');
    const waiting: Permission = { stage: 'fence-failed', takeOverAt: instant(61_000), reason: 'exit code 1' };
    expect(fenced(fence, 7, failed, LATER, NOW, false)).toEqual({ outcome: 'wait', permission: waiting });
    expect(next(waiting, LATER, { silentPeer }, instant(60_999))).toEqual({
      outcome: 'wait',
      permission: waiting,
    });
    expect(next(waiting, LATER, { silentPeer }, instant(61_000))).toEqual({ outcome: 'granted' });
  });

  it('is given to whoever waits for a fence, or in spite of one, when the peer is off by another', () => {
    expect(next(fence, FENCING)).toEqual({ outcome: 'granted' });
    expect(next({ stage: 'fence-failed', takeOverAt: instant(61_000), reason: '' }, LATER)).toEqual({
      outcome: 'granted',
    });
    expect(next(fence, { ...FENCING, arbiter: true })).toMatchObject({ permission: { stage: 'lease' } });
  });

  it('says what it waits for, and until when', () => {
    const stages: readonly Permission[] = [
      idle,
      { stage: 'members' },
      probing,
      answered(probing),
      { stage: 'lease' },
      { stage: 'lapse', until: instant(3000) },
      fence,
      { stage: 'fence-failed', takeOverAt: instant(61_000), reason: 'exit code 1' },
    ];
    expect(stages.map(permissionDeadline)).toEqual([
      undefined,
      undefined,
      1050,
      1050,
      undefined,
      3000,
      undefined,
      61_000,
    ]);
    expect(new Set(stages.map(describePermission)).size).toBe(7);
  });
});
