import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Waiting } from '../../../src/manager/waiting.ts';
import { milliseconds } from '../../../src/model/units.ts';

const LIMIT = milliseconds(1000);
const refused = () => {
  throw new Error('nobody answers');
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('waiting for answers', () => {
  it('gives each question its own answer', async () => {
    const waiting = new Waiting<string>();
    const [first, second] = [waiting.for(1, LIMIT, refused), waiting.for(2, LIMIT, refused)];
    waiting.answer(2, 'two');
    waiting.answer(3, 'three');
    waiting.answer(1, 'one');
    expect(await Promise.all([first, second])).toEqual(['one', 'two']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes do with something else when none comes in time, and takes none that comes late', async () => {
    const waiting = new Waiting<string>();
    const [content, failed] = [waiting.for(1, LIMIT, () => 'the last one'), waiting.for(2, LIMIT, refused)];
    const failure = expect(failed).rejects.toThrow('nobody answers');
    await vi.advanceTimersByTimeAsync(999);
    expect(vi.getTimerCount()).toBe(2);
    // What has come by then is heard first, in a turn of its own.
    await vi.runAllTimersAsync();
    await failure;
    waiting.answer(1, 'late');
    expect(await content).toBe('the last one');
  });

  it('ends for everybody at once', async () => {
    const waiting = new Waiting<string>();
    const both = [waiting.for(1, LIMIT, refused), waiting.for(2, LIMIT, refused)];
    waiting.end(() => 'it died');
    expect(await Promise.all(both)).toEqual(['it died', 'it died']);
    const third = expect(waiting.for(3, LIMIT, () => 'late')).rejects.toThrow('nobody answers');
    waiting.end(refused);
    await third;
    expect(vi.getTimerCount()).toBe(0);
  });
});
