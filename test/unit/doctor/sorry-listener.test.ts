/** A sorry server on 127.0.0.1 must listen where clients have sent to. */
import { describe, expect, it } from 'vitest';
import { parseListeners, sorryListenerFindings } from '../../../src/doctor/sorry-listener.ts';
import { entryAt, sorryServerAt, virtualServer } from '../../support/virtual-server.ts';

/** As Linux 6.1 writes them: 127.0.0.1:80 and 0.0.0.0:81 listen, one to 10.1.1.254:82 is established. */
const TCP = `\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31 1 0 100 0 0 10 0
   1: 00000000:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32 1 0 100 0 0 10 0
   2: FE01010A:0052 0901010A:8C36 01 00000000:00000000 00:00000000 00000000     0        0 33 1 0 20 4 30 10 -1
`;
/** [::]:83, [::1]:84 and [2001:db8::1]:85. */
const TCP6 = `\
   0: 00000000000000000000000000000000:0053 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000001000000:0054 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: B80D0120000000000000000001000000:0055 00000000000000000000000000000000:0000 0A 00000000:00000000
`;
const listeners = parseListeners(TCP + TCP6);

it('what listens is read as the kernel writes it', () => {
  expect(listeners.map(({ address, port }) => `${address} ${port}`)).toEqual([
    ...['127.0.0.1 80', '0.0.0.0 81', ':: 83', '::1 84', '2001:db8::1 85'],
  ]);
});

describe('a sorry server on this director', () => {
  const at = (vip: string, port: number, sorry: string, more = {}) =>
    sorryListenerFindings(
      {
        virtualServers: [
          virtualServer({ entries: [entryAt(vip, port)], sorryServers: [sorryServerAt(sorry)], ...more }),
        ],
      },
      listeners,
    );

  it.each([
    ['10.1.1.254', 80, '127.0.0.1'],
    ['10.1.1.254', 82, '127.0.0.1'],
    ['10.1.1.254', 84, '127.0.0.1'],
    ['2001:db8::1', 81, '::1'],
    ['2001:db8::1', 84, '::1'],
    ['2001:db8::2', 85, '::1'],
  ])('at %s port %i hears nobody', (vip, port, sorry) => {
    const [finding, ...others] = at(vip, port, sorry);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning' });
    expect(finding?.what).toContain(`for the sorry server ${sorry}`);
    expect(finding?.mend).toContain(sorry === '::1' ? `[::]:${port};` : `0.0.0.0:${port};`);
  });

  it.each([
    ['10.1.1.254', 81, '127.0.0.1'],
    ['10.1.1.254', 83, '127.0.0.1'],
    ['2001:db8::2', 83, '::1'],
    ['2001:db8::1', 85, '::1'],
  ])('at %s port %i is heard', (vip, port, sorry) => {
    expect(at(vip, port, sorry)).toMatchObject([{ severity: 'good' }]);
  });

  it('is not asked for elsewhere: another host, another family, every port, a mark, none', () => {
    expect(at('10.1.1.254', 80, '10.1.1.9')).toEqual([]);
    expect(at('10.1.1.254', 80, '::1')).toEqual([]);
    expect(at('10.1.1.254', 0, '127.0.0.1')).toEqual([]);
    expect(
      at('10.1.1.254', 80, '127.0.0.1', { entries: [{ kind: 'mark', mark: 7, family: 'ipv4' }] }),
    ).toEqual([]);
    expect(at('10.1.1.254', 80, '127.0.0.1', { sorryServers: [] })).toEqual([]);
  });
});
