import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { handoverCommand } from '../../../src/cli/handover.ts';
import { SOCKET_NAME } from '../../../src/control/api.ts';
import { type ControlServer, serveControl } from '../../../src/control/server.ts';
import { handlers, temporaryDirectory } from '../control/sample-handlers.ts';
import { router, sampleStatus } from './sample-status.ts';

const directory = temporaryDirectory();
let server: ControlServer;
afterEach(async () => {
  await server.close();
  directory.remove();
});

test('of what an earlier command keeps a backup names the command that ends that', async () => {
  const outcome = { outcome: 'not-active', successor: undefined, reason: 'it is a backup' } as const;
  server = await serveControl(
    join(directory.path, SOCKET_NAME),
    handlers({
      status: async () =>
        sampleStatus({
          virtualRouters: [
            router({ name: 'web', state: 'backup', standby: true }),
            router({ name: 'mail', state: 'backup', standby: false }),
          ],
        }),
      handover: async () => ({
        outcomes: [
          { ...outcome, name: 'web' },
          { ...outcome, name: 'mail' },
        ],
      }),
    }),
  );
  let out = '';
  let code: number | undefined;
  const write = (text: string): void => {
    out += text;
  };
  const terminal = { out: write, err: write, colours: { out: false, err: false } };
  const command = handoverCommand(terminal, (exitCode) => {
    code = exitCode;
  });
  await command.parseAsync(['--runtime-dir', directory.path], { from: 'user' });
  expect(out.trim().split('\n')).toEqual([
    'web: was not active here (it is a backup)',
    'mail: was not active here (it is a backup)',
    'web: stays a backup here by `vipward handover --stay-down`; to have it take part again: vipward resume web',
  ]);
  expect(code).toBe(0);
});
