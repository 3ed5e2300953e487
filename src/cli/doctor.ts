/** `vipward doctor`: looks at this host, director or real server, for what would break the service. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import type { Finding } from '../doctor/finding.ts';
import { reasonOf } from '../model/reason.ts';
import type { HostOptions } from './doctor-host.ts';
import { formatFindings } from './format/findings.ts';
import { styleFor } from './format/style.ts';
import { type Finish, jsonOption, needsRoot, REALSERVER_STATE_DIR, runtimeDirOption } from './options.ts';
import { readAtMost } from './read-file.ts';
import { vipOption } from './realserver.ts';
import { DEFAULT_CONFIG } from './run-line.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

interface DoctorOptions extends HostOptions {
  readonly runtimeDir: string;
  readonly peer?: string;
  readonly peerStatus?: string;
  readonly all?: true;
  readonly json?: true;
}

export function doctorCommand(terminal: Terminal, finish: Finish): Command {
  const command = new Command('doctor')
    .description(
      'look for what would break the service here, with the command that mends it; changes nothing',
    )
    .option('--config <file>', 'the configuration of this director', DEFAULT_CONFIG)
    .option('--peer <host>', 'compare with this director, asked by `ssh HOST vipward status --json`')
    .addOption(
      new Option(
        '--peer-status <file>',
        'as --peer, from a file that holds its `vipward status --json`',
      ).conflicts('peer'),
    );
  for (const option of realServerOptions()) command.addOption(option);
  return command
    .option('--state-dir <dir>', 'where `vipward realserver` keeps its state', REALSERVER_STATE_DIR)
    .addOption(runtimeDirOption())
    .option('--all', 'tell each finding, not a few of many that are alike')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nRun it as root. Exits with 1 when it finds a problem; warnings alone are a success.',
    )
    .action(async (options: DoctorOptions) => {
      const findings = await examine(options);
      if (options.json) printJson(terminal, { findings });
      else
        printLines(
          terminal.out,
          formatFindings(findings, styleFor(terminal.colours.out), options.all === true),
        );
      finish(findings.some(({ severity }) => severity === 'problem') ? EXIT.failure : EXIT.success);
    });
}

/** What makes of the host a real server, and of no director. */
const realServerOptions = (): readonly Option[] =>
  [
    new Option(
      '--realserver',
      'look at this host as a real server (by itself where `realserver start` was done, or there is no file)',
    ),
    vipOption(
      false,
      'as --realserver, for VIPs that `realserver start` did not take up (default: those hidden on lo, on dummy links and on the ends of tunnels)',
    ),
    new Option(
      '--forwarding <method>',
      'as the director forwards to those (default: tun for a VIP on the end of a tunnel, else dr)',
    ).choices(['dr', 'tun']),
  ].map((option) => option.conflicts(['config', 'peer', 'peerStatus']));

/** Imported here, so that neither the daemon nor any other command holds what only the doctor needs. */
async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  needsRoot('doctor');
  const [{ examineHost }, { findHost }] = await Promise.all([
    import('../doctor/round.ts'),
    import('./doctor-host.ts'),
  ]);
  const { config, roles, wrong } = await findHost(options);
  if (config === undefined && roles.length === 0) return wrong;
  return [
    ...wrong,
    ...(config === undefined ? [] : await examineDaemon(options)),
    ...(await examineHost({ config, roles })),
    ...(config === undefined ? [] : await comparePeer(options)),
  ];
}

/** Whatever else is found may follow from that it does not run. */
async function examineDaemon({ runtimeDir }: DoctorOptions): Promise<readonly Finding[]> {
  const { warning } = await import('../doctor/finding.ts');
  try {
    await controlClient(socketPath(runtimeDir)).status();
    return [];
  } catch (error) {
    return [
      warning(
        `vipward does not answer here: ${reasonOf(error)}`,
        'this director holds no address and keeps no table, and what the daemon sets is missing',
        'systemctl start vipward; why it does not run: journalctl -u vipward',
      ),
    ];
  }
}

/** What cannot be compared is told as a finding: the others are worth as much without it. */
async function comparePeer(options: DoctorOptions): Promise<readonly Finding[]> {
  const { unknown } = await import('../doctor/finding.ts');
  const { peer, peerStatus } = options;
  if (peer === undefined && peerStatus === undefined)
    return [unknown('the other director', 'it was not compared', 'vipward doctor --peer HOST')];
  try {
    return await askAndCompare(options);
  } catch (error) {
    return [unknown('the other director', reasonOf(error), 'vipward status --json, here and there')];
  }
}

async function askAndCompare({ peer, peerStatus, runtimeDir }: DoctorOptions): Promise<readonly Finding[]> {
  const { parsePeerStatus, peerFindings } = await import('../doctor/peer.ts');
  const ours = await controlClient(socketPath(runtimeDir)).status();
  const from = Date.now();
  const text = peer === undefined ? await readPeerStatus(peerStatus ?? '') : await askPeer(peer);
  // A file is as old as it is.
  const asked = peer === undefined ? undefined : { from, to: Date.now() };
  return peerFindings(ours, parsePeerStatus(text), asked);
}

const SSH_LIMIT_MS = 15_000;
/** In bytes; that of ten thousand real servers has some millions. */
const STATUS_LIMIT = 64 * 1024 * 1024;

const readPeerStatus = async (file: string): Promise<string> =>
  new TextDecoder().decode(await readAtMost(file, STATUS_LIMIT));

async function askPeer(host: string): Promise<string> {
  if (host.startsWith('-')) throw new Error(`${host} is no name of a host`);
  try {
    const args = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5', '--', host, 'vipward status --json'];
    const { stdout } = await promisify(execFile)('ssh', args, {
      timeout: SSH_LIMIT_MS,
      maxBuffer: STATUS_LIMIT,
      encoding: 'utf8',
    });
    return stdout;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(
        `ssh is not installed: write what "vipward status --json" says there to a file, for --peer-status FILE`,
        { cause },
      );
    throw new Error(`cannot ask ${host} by ssh: ${(cause as Error).message.trim().split('\n').at(-1)}`, {
      cause,
    });
  }
}
