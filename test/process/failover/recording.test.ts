/** `vipward run --record`: what was recorded plays again through the same code. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VIPWARD } from '../../lab/support/daemon.ts';
import { Lab } from '../../lab/support/lab.ts';
import { replay } from '../../simulation/replay.ts';

/** Whoever stands still for three of these intervals gives up, which is recorded, too. */
const yaml = `
virtual_routers:
  web: { interface: eth0, vrid: 1, advert_interval: 1s, addresses: [10.1.1.201/24] }
`;

it('a recording tells each event from the start to the end, and replays to the same states', async () => {
  await using lab = await Lab.create();
  const lan = await lab.addSwitch('lan');
  const node = await lab.addHost('one', { ports: [{ on: lan, addresses: ['10.1.1.4/24'] }] });
  const directory = join(node.scratch, 'vipward');
  const [config, recording] = [join(directory, 'vipward.yaml'), join(directory, 'events.jsonl')];
  await node.writeFile(config, yaml);
  const daemon = await node.spawn([
    ...[VIPWARD, 'run', '--config', config, '--runtime-dir', directory],
    ...['--state-dir', join(directory, 'state'), '--record', recording],
  ]);
  await daemon.stdout.waitFor((line) => line.includes('virtual router web: MASTER'));
  const since = daemon.stdout.mark;
  await node.ports[0]?.power(false);
  await daemon.stdout.waitFor((line) => line.includes('virtual router web: FAULT'), { since });
  daemon.kill('SIGTERM');
  expect(await daemon.exit).toMatchObject({ code: 0 });
  expect((await node.run(['stat', '-c', '%a', recording])).trim()).toBe('600');
  const lines: string[] = [];
  replay(recording, (line) => lines.push(line));
  const text = lines.join('\n');
  expect(text).toMatch(/^recorded by vipward \d/);
  const reports = [...text.matchAll(/eth0 1 ipv4: (?:\w+) > (\w+) \(([^)]*)\)/g)];
  expect(
    reports.map(([, state, reason]) => [state, reason]),
    text,
  ).toEqual([
    ['backup', 'started'],
    ['active', expect.stringMatching(/^no advert for \d+\.\d+ s/)],
    ['initialize', 'interface eth0 has no carrier'],
    ['initialize', 'stopped'],
  ]);
});
