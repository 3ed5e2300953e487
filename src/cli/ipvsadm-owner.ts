/** Tells who changes the table by hand that a daemon will put it back, and what to do instead. */
import { existsSync } from 'node:fs';
import { controlClient } from '../control/client.ts';
import { socketPath } from '../control/socket-path.ts';
import type { IpvsadmCommand } from '../ipvsadm/command.ts';
import { realServerKey, tableKeyText } from '../model/ipvs-table.ts';
import type { StatusDocument } from '../model/status.ts';
import { printable } from './format/text.ts';
import { DEFAULT_RUNTIME_DIR } from './run-line.ts';

/** Lines about `commands`, which were carried out; none where no daemon answers, or none of it is the daemon's. */
export async function ownerWarnings(
  commands: readonly IpvsadmCommand[],
  runtimeDir = DEFAULT_RUNTIME_DIR,
): Promise<readonly string[]> {
  const path = socketPath(runtimeDir);
  if (!existsSync(path)) return [];
  try {
    const status = await controlClient(path).status();
    return [...new Set(commands.flatMap((command) => warning(command, status) ?? []))];
  } catch {
    // Who cannot ask the daemon is told nothing of it: the command itself is done.
    return [];
  }
}

/** undefined: the daemon has nothing to do with it. */
export function warning(
  command: IpvsadmCommand,
  { virtualServers, guards }: Pick<StatusDocument, 'virtualServers' | 'guards'>,
): string | undefined {
  switch (command.kind) {
    case 'flush':
      if (virtualServers.length === 0) return undefined;
      return 'vipward puts its virtual servers back within seconds: to be rid of them, remove them from its configuration and run `vipward reload`';
    case 'start-daemon':
    case 'stop-daemon':
      if (guards.sync === undefined) return undefined;
      return 'vipward starts and stops the sync daemons with its virtual router, and undoes this: see `sync` in its configuration';
    case 'change':
      return changeWarning(command.operation, virtualServers);
    default:
      return undefined;
  }
}

type Change = Extract<IpvsadmCommand, { kind: 'change' }>['operation'];

function changeWarning(
  operation: Change,
  virtualServers: StatusDocument['virtualServers'],
): string | undefined {
  const key = tableKeyText(operation.key);
  const name = virtualServers.find(({ entries }) => entries.includes(key))?.name;
  if (name === undefined) return undefined;
  const owned = `${key} is vipward's virtual server ${printable(name)}, and what is changed here is undone within seconds`;
  const instead = 'change its configuration and run `vipward reload`';
  if (!('realServer' in operation)) return `${owned}: ${instead}`;
  const server = realServerKey(operation.realServer);
  return `${owned}: use \`vipward drain|disable|enable|weight ${printable(name)} ${server}\`, or ${instead}`;
}
