import { describe, expect, it } from 'vitest';
import { Fencer } from '../../../../src/manager/fencing/fencer.ts';
import type { RunOutcome, RunRequest } from '../../../../src/manager/run/program.ts';
import type { IpAddress } from '../../../../src/model/address.ts';
import { milliseconds } from '../../../../src/model/units.ts';

const PEER = '10.1.1.2' as IpAddress;
const exited = (code: number, output = ''): RunOutcome => ({ kind: 'exited', code, output });

/** A fencer whose agent answers each action as given. */
function fencer(
  answers: Readonly<Record<string, RunOutcome>>,
  options: Readonly<Record<string, string>> = {},
) {
  const requests: RunRequest[] = [];
  const lines: string[] = [];
  const subject = new Fencer({
    fencing: { agent: 'fence_test', options, timeout: milliseconds(5_000), takeOverAfter: undefined },
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    run: async (request) => {
      requests.push(request);
      const action = /^action=(.*)$/m.exec(request.input ?? '')?.[1] ?? '';
      return answers[action] ?? exited(1, `no ${action}`);
    },
  });
  return { subject, requests, lines };
}

describe('a fencer', () => {
  it('is done when the agent has said so and its status is off', async () => {
    const { subject, requests } = fencer({ off: exited(0), status: exited(2) });
    expect(await subject.fence(PEER)).toEqual({
      done: true,
      reason: 'fence_test off: exit code 0; its status is off',
    });
    expect(requests.map(({ command, environment }) => ({ command, environment }))).toEqual([
      { command: ['fence_test'], environment: { VIPWARD_PEER: PEER } },
      { command: ['fence_test'], environment: { VIPWARD_PEER: PEER } },
    ]);
    expect(subject.status).toMatchObject({ running: false, last: { done: true } });
  });

  it('is not done when the peer is still on', async () => {
    const { subject } = fencer({ off: exited(0), status: exited(0) });
    expect(await subject.fence(PEER)).toMatchObject({
      done: false,
      reason: expect.stringContaining('but it is still on'),
    });
  });

  it('takes the agent at its word where the status cannot be told', async () => {
    const { subject } = fencer({ off: exited(0), status: exited(1, 'unsupported') });
    expect(await subject.fence(PEER)).toMatchObject({
      done: true,
      reason: expect.stringContaining('unsupported'),
    });
  });

  it.each<[string, RunOutcome]>([
    ['fails', exited(1)],
    ['hangs', { kind: 'timed-out', after: milliseconds(5_000), output: '' }],
    ['is killed', { kind: 'signalled', signal: 'SIGKILL', output: '' }],
    ['is not there', { kind: 'not-started', busy: false, reason: 'there is no program' }],
  ])('is not done when the agent %s, and asks for no status', async (_, outcome) => {
    const { subject, requests } = fencer({ off: outcome, status: exited(2) });
    expect((await subject.fence(undefined)).done).toBe(false);
    expect(requests).toHaveLength(1);
  });

  it('gives all who ask at once the answer of one run, and runs anew for the next', async () => {
    const { subject, requests } = fencer({ off: exited(0), status: exited(2) });
    const answers = await Promise.all([subject.fence(PEER), subject.fence(undefined), subject.fence(PEER)]);
    expect(new Set(answers).size).toBe(1);
    expect(requests).toHaveLength(2);
    await subject.fence(PEER);
    expect(requests).toHaveLength(4);
  });

  it('refuses once it is closed', async () => {
    const { subject, requests } = fencer({ off: exited(0) });
    subject.close();
    expect((await subject.fence(PEER)).done).toBe(false);
    expect(requests).toHaveLength(0);
  });

  it('tells of an option that cannot be said', async () => {
    const { subject, requests } = fencer({ off: exited(0) }, { port: '1\n2' });
    expect(await subject.fence(PEER)).toMatchObject({ done: false, reason: expect.stringContaining('port') });
    expect(requests).toHaveLength(0);
  });

  it('says at start what is wrong, and never a secret', async () => {
    const refused = { monitor: exited(3, 'login with hunter2 denied') };
    const { subject, lines } = fencer(refused, { password: 'hunter2' });
    await subject.check();
    await subject.fence(PEER);
    expect(lines.join('\n')).toContain('login with *** denied');
    expect(lines.join('\n')).not.toContain('hunter2');
  });
});
