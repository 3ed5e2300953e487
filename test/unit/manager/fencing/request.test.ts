import { describe, expect, it } from 'vitest';
import { agentInput, agentText, powerState, succeeded } from '../../../../src/manager/fencing/request.ts';
import type { RunOutcome } from '../../../../src/manager/run/program.ts';

const exited = (code: number, output = ''): RunOutcome => ({ kind: 'exited', code, output });

describe('what a fence agent is told', () => {
  it('is one option a line, and our action in place of any other', () => {
    expect(agentInput({ ip: '10.1.1.9', password: 'a=b #c', action: 'on' }, 'status')).toBe(
      'ip=10.1.1.9\npassword=a=b #c\naction=status\n',
    );
  });

  it.each([
    ['a value of two lines', { port: '1\naction=on' }],
    ['a name of two lines', { 'a\nb': '1' }],
    ['a name with an equals sign', { 'action=on': '' }],
  ])('is never %s', (_, options) => {
    expect(() => agentInput(options, 'off')).toThrow(RangeError);
  });
});

describe('what a fence agent answers', () => {
  it('is success with exit code 0 alone', () => {
    expect(succeeded(exited(0))).toBe(true);
    expect(succeeded(exited(1))).toBe(false);
    expect(succeeded({ kind: 'signalled', signal: 'SIGKILL', output: '' })).toBe(false);
    expect(succeeded({ kind: 'not-started', busy: false, reason: 'gone' })).toBe(false);
  });

  it('is on or off where it can be told', () => {
    expect(powerState(exited(0))).toBe('on');
    expect(powerState(exited(2))).toBe('off');
    expect(powerState(exited(1))).toBeUndefined();
    expect(powerState({ kind: 'aborted', output: '' })).toBeUndefined();
  });

  it('is told with its last line', () => {
    expect(agentText(exited(3, 'trying\n\nUnable to connect\n \n'), {})).toBe(
      'exit code 3: Unable to connect',
    );
    expect(agentText(exited(0), {})).toBe('exit code 0');
  });

  it('is told without any secret, the longer ones first', () => {
    const options = { passwd: 'open', snmp_priv_passwd: 'open sesame', login: 'admin', secret_key: '' };
    const text = agentText(exited(1, 'sent admin, open sesame and open'), options);
    expect(text).toBe('exit code 1: sent admin, *** and ***');
  });
});
