import { describe, expect, it } from 'vitest';
import { ownerWarnings, warning } from '../../../src/cli/ipvsadm-owner.ts';
import { readCommandLine } from '../../../src/ipvsadm/command-line.ts';
import { NAMES } from '../ipvsadm/support.ts';
import { sampleStatus, virtualServer } from './sample-status.ts';

const status = sampleStatus({ virtualServers: [virtualServer({ name: 'web' })] });
const told = async (line: string, about = status) =>
  warning(await readCommandLine(line.split(' '), NAMES), about);

describe('who changes by hand what a daemon owns is told what to do instead', () => {
  it.each([
    [
      '-a -t 10.1.1.254:80 -r 10.1.1.9',
      /virtual server web, .*`vipward drain\|disable\|enable\|weight web 10\.1\.1\.9:80`/,
    ],
    [
      '-E -t 10.1.1.254:80 -s rr',
      /virtual server web, .*: change its configuration and run `vipward reload`$/,
    ],
    ['-D -t 10.1.1.254:80', /virtual server web/],
    ['-C', /puts its virtual servers back/],
  ])('%s', async (line, words) => expect(await told(line)).toMatch(words));

  it.each(['-a -t 10.1.1.254:81 -r 10.1.1.9', '-L -n', '-Z', '-S'])('%s is not the daemon’s', async (line) =>
    expect(await told(line)).toBeUndefined(),
  );

  it('nothing of a table that the daemon has nothing in', async () =>
    expect(await told('-C', sampleStatus({ virtualServers: [] }))).toBeUndefined());

  it('nobody is told where no daemon answers', async () =>
    expect(await ownerWarnings([{ kind: 'flush' }], '/nonexistent')).toEqual([]));
});
