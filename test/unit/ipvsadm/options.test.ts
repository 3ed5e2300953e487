import { describe, expect, it } from 'vitest';
import { scan } from '../../../src/ipvsadm/options.ts';

const scanned = (line: string) => scan(line.split(' '));
const found = (name: string, value?: string) => ({ name, value });

describe('a line is taken apart as popt does', () => {
  it.each([
    ['-A -t a:80', [found('add-service'), found('tcp-service', 'a:80')]],
    ['-At a:80', [found('add-service'), found('tcp-service', 'a:80')]],
    ['-Ata:80', [found('add-service'), found('tcp-service', 'a:80')]],
    ['-t=a:80', [found('tcp-service', 'a:80')]],
    ['--tcp-service=a:80', [found('tcp-service', 'a:80')]],
    ['--tcp-service a:80', [found('tcp-service', 'a:80')]],
    ['-w -5', [found('weight', '-5')]],
    ['-l', [found('list')]],
  ])('%s', (line, options) => expect(scanned(line)).toEqual({ options, words: [], problem: undefined }));

  it('an optional value is what follows without a dash', () => {
    expect(scanned('-p').options).toEqual([found('persistent')]);
    expect(scanned('-p -o').options).toEqual([found('persistent'), found('ops')]);
    expect(scanned('-p 90').options).toEqual([found('persistent', '90')]);
    expect(scanned('-p90').options).toEqual([found('persistent', '90')]);
  });

  it('words stand anywhere, and everything behind -- is one', () =>
    expect(scanned('1 --set 2 - -- -3')).toEqual({
      options: [found('set')],
      words: ['1', '2', '-', '-3'],
      problem: undefined,
    }));

  it.each([
    ['-A -k', '-k: unknown option'],
    ['-A --nosuch', '--nosuch: unknown option'],
    ['-A -t', '-t: missing argument'],
    ['-A --numeric=1', '--numeric=1: option does not take an argument'],
  ])('%s: what came before counts, and why no more', (line, problem) =>
    expect(scanned(line)).toEqual({ options: [found('add-service')], words: [], problem }),
  );
});
