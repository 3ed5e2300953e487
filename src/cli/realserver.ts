/** `vipward realserver`: makes a host a real server of direct routing or tunnelling, and plain again. */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type Family,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isNotUnicast,
  parseAddress,
} from '../model/address.ts';
import type { RealServerRole } from '../prepare/real-server.ts';
import { realServerScript } from '../prepare/script.ts';
import type { Host } from '../realserver/host.ts';
import { type Finish, needsRoot, REALSERVER_STATE_DIR } from './options.ts';
import { EXIT, printLines, type Terminal } from './terminal.ts';

interface RoleOptions {
  readonly vip: readonly [IpAddress, ...IpAddress[]];
  readonly forwarding: 'dr' | 'tun';
  readonly outer?: Family;
}

export function realServerCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('realserver')
    .description(
      'make this host a real server: the VIP hidden on it, and put back on stop what was there before',
    )
    .addCommand(startCommand(terminal))
    .addCommand(stopCommand(terminal, finish))
    .addCommand(statusCommand(terminal, finish))
    .addCommand(scriptCommand(terminal))
    .addHelpText(
      'after',
      `
Examples:
  vipward realserver start --vip 10.1.1.254 --forwarding dr
  vipward realserver status
  vipward realserver stop --vip 10.1.1.254
  vipward realserver start --vip 10.1.1.254 2001:db8::254 --forwarding tun
  vipward realserver script --vip 10.1.1.254 --forwarding tun > realserver.sh
As a service: systemctl enable --now vipward-realserver@10.1.1.254

Under nat and fullnat a real server needs nothing of this: under nat, a default route by way of the director.`,
    );
}

type Roles = typeof import('../realserver/roles.ts');

/** Imported here, so that neither the daemon nor any other command holds what only this one needs. */
async function withHost(work: (host: Host, roles: Roles) => void | Promise<void>): Promise<void> {
  const [{ openHost }, roles] = await Promise.all([
    import('../realserver/host.ts'),
    import('../realserver/roles.ts'),
  ]);
  const host = openHost();
  try {
    await work(host, roles);
  } finally {
    host.close();
  }
}

const startCommand = (terminal: Terminal): Command =>
  roleOptions(new Command('start').description('take the VIP up; again does nothing')).action(
    (options: RoleOptions & Place, command: Command) =>
      withHost(async (host, { startRole, answeredFor }) => {
        needsRoot('realserver start');
        const role = roleOf(options, command);
        const changes = await startRole(options.stateDir, nameOf(options.vip), role, host);
        printLines(
          terminal.err,
          answeredFor(role, host).map((words) => `warning: ${words}`),
        );
        printLines(terminal.out, changes.length === 0 ? ['nothing to change'] : changes);
      }),
  );

const stopCommand = (terminal: Terminal, finish: Finish): Command =>
  place(new Command('stop').description('give the VIP up, and put back what was there before'))
    .addOption(vipOption())
    .action(({ vip, stateDir }: Pick<RoleOptions, 'vip'> & Place) =>
      withHost(async (host, { stopRole, listRoles }) => {
        needsRoot('realserver stop');
        const changes = await stopRole(stateDir, nameOf(vip), host);
        if (changes !== undefined) printLines(terminal.out, changes);
        else {
          const others = rolesWith(vip, listRoles(stateDir));
          printLines(terminal.err, others.length > 0 ? others : [unknown(stateDir, vip)]);
          // A second stop, or one after a reboot, is no failure: there is nothing left to do.
          finish(others.length > 0 ? EXIT.failure : EXIT.success);
        }
      }),
    );

const statusCommand = (terminal: Terminal, finish: Finish): Command =>
  place(
    new Command('status').description('what the VIP needs here, and whether it is so; exits with 1 if not'),
  )
    .addOption(vipOption(false))
    .action(({ vip, stateDir }: Partial<Pick<RoleOptions, 'vip'>> & Place) =>
      withHost((host, { checkRole, listRoles }) => {
        const names = vip === undefined ? Object.keys(listRoles(stateDir)) : [nameOf(vip)];
        if (names.length === 0)
          printLines(terminal.out, ['this host is no real server (vipward realserver start)']);
        let good = names.length > 0;
        for (const name of names) {
          const checks = checkRole(stateDir, name, host);
          good &&= checks?.every((check) => check.good) ?? false;
          printLines(terminal.out, [
            name,
            ...(checks ?? []).map((check) => `  ${check.good ? 'ok   ' : 'WRONG'} ${check.what}`),
            ...(checks === undefined ? ['  WRONG not taken up here'] : []),
          ]);
        }
        finish(good ? EXIT.success : EXIT.failure);
      }),
    );

const scriptCommand = (terminal: Terminal): Command =>
  roleOptions(
    new Command('script').description('print a shell script that does the same on a host without vipward'),
    false,
  ).action((options: RoleOptions, command: Command) =>
    terminal.out(realServerScript(roleOf(options, command))),
  );

interface Place {
  readonly stateDir: string;
}

const place = (command: Command): Command =>
  command.option('--state-dir <dir>', 'where it is remembered what was there before', REALSERVER_STATE_DIR);

function roleOptions(command: Command, remembers = true): Command {
  command
    .addOption(vipOption())
    .addOption(
      new Option('--forwarding <method>', 'as the director forwards')
        .choices(['dr', 'tun'])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--outer <family>',
        "of the packets that the director wraps around: that of this host's own address (default: that of each VIP)",
      ).choices(['ipv4', 'ipv6']),
    );
  return remembers ? place(command) : command;
}

export function vipOption(mandatory = true, what = 'the virtual addresses of the service'): Option {
  const option = new Option('--vip <address...>', what).argParser(
    (text: string, before: readonly IpAddress[] | undefined) => [...(before ?? []), toVip(text)],
  );
  return mandatory ? option.makeOptionMandatory() : option;
}

function toVip(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined || isNotUnicast(address) || isLoopback(address) || isLinkLocal(address))
    throw new InvalidArgumentError(
      'Give an IPv4 or IPv6 address that clients reach, without a prefix length.',
    );
  return address;
}

/** Ends for options that do not fit together: what is ignored without a word is a mistake that nobody sees. */
function roleOf({ vip, forwarding, outer }: RoleOptions, command: Command): RealServerRole {
  const twice = vip.find((each, i) => vip.indexOf(each) < i);
  if (twice !== undefined) command.error(`error: --vip names ${twice} twice: once is enough`);
  if (forwarding === 'dr' && outer !== undefined) {
    command.error(
      `error: --outer ${outer} is of tunnels, and direct routing has none: leave it out, or use --forwarding tun`,
    );
  }
  return { vips: vip, forwarding, outer: outer ?? 'as the VIP' };
}

/** A role is known by its VIPs: whoever stops it need not know more. */
const nameOf = (vips: readonly IpAddress[]): string => [...vips].sort().join(' ');

/** Roles that hold some of `vips`, among others. */
const rolesWith = (vips: readonly IpAddress[], roles: Readonly<Record<string, RealServerRole>>) =>
  Object.entries(roles)
    .filter(([, role]) => role.vips.some((vip) => vips.includes(vip)))
    .map(([name]) => `taken up together are: ${name}; vipward realserver stop --vip ${name}`);

const unknown = (stateDir: string, vips: readonly IpAddress[]): string =>
  `${nameOf(vips)}: not taken up here by vipward (${stateDir} knows nothing of it): nothing to put back`;
