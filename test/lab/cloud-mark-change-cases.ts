/** Cases of the daemon in the cloud kernel: a service by mark becomes one by address, and back, by a reload each. */
import { expect, it } from 'vitest';
import { stage } from './cloud-stage.ts';
import { knock } from './cloud-tools.ts';
import type { Daemon } from './support/daemon.ts';

/** A file, and what of the table it replaces when it comes after the other one. */
export interface Change {
  readonly file: string;
  readonly replaces: string;
}

/** With `byMark` in force. `port`: of the service that changes. */
export function markChangeCases(
  daemonOf: () => Daemon,
  { vip, port }: { readonly vip: string; readonly port: number },
  { byAddress, byMark }: { readonly byAddress: Change; readonly byMark: Change },
): void {
  it.each([
    ['a service by mark becomes one by address', byAddress],
    ['a service by address becomes one by mark', byMark],
  ])(
    '%s: nobody who comes meanwhile is refused, and who was there before stays',
    async (_, { file, replaces }) => {
      const { client } = stage();
      const daemon = daemonOf();
      const guest = await client.spawn(['bash', '--norc', '-c', GUEST, vip, String(port)]);
      await guest.stdout.waitFor((line) => line === 'open', { timeout: 120_000 });
      const knocking = await knock(client, vip, port);
      const since = daemon.log.mark;
      await daemon.configure(file);
      // A command of vipward's takes a busy emulated CPU minutes.
      daemon.process.kill('SIGHUP');
      await daemon.said('configuration reloaded', { since, timeout: 240_000 });
      // Some of those who come now have come after the last change.
      const all = await knocking.more(5);
      expect(all.filter((answer) => !/^far[12] /.test(answer))).toEqual([]);
      guest.write('go\n');
      await guest.stdout.waitFor((line) => /^far[12] /.test(line), { timeout: 60_000 });
      await daemon.said(`remove virtual server ${replaces}`, { since, timeout: 120_000 });
      expect((await knocking.more(3)).filter((answer) => !/^far[12] /.test(answer))).toEqual([]);
      await knocking.stop();
    },
    600_000,
  );
}

/** Opens a connection, and asks on it only when it is told to. */
const GUEST = 'exec 3<>/dev/tcp/$0/$1 && echo open && read go && echo hello >&3 && exec head -n 1 <&3';
