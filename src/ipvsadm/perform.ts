/** The commands that change something. */
import type { Ipvs, SyncDaemons } from '../kernel/ipvs.ts';
import type { IpvsadmCommand } from './command.ts';
import { CommandLineError, IPVSADM_EXIT } from './command-line-error.ts';

export type ChangingCommand = Extract<
  IpvsadmCommand,
  { readonly kind: 'change' | 'flush' | 'zero' | 'set-timeouts' | 'start-daemon' | 'stop-daemon' }
>;

/** Throws KernelError, and CommandLineError where there is nothing to be stopped. */
export function perform(command: ChangingCommand, ipvs: Ipvs & SyncDaemons): void {
  switch (command.kind) {
    case 'change': {
      const [outcome] = ipvs.apply([command.operation]);
      if (outcome?.error !== undefined) throw outcome.error;
      return;
    }
    case 'flush':
      ipvs.flush();
      return;
    case 'zero':
      ipvs.zero(command.key);
      return;
    case 'set-timeouts':
      ipvs.setTimeouts(command.timeouts);
      return;
    case 'start-daemon':
      ipvs.startDaemon(command.spec);
      return;
    case 'stop-daemon':
      if (!ipvs.stopDaemon(command.role))
        throw new CommandLineError(`no ${command.role} sync daemon runs`, IPVSADM_EXIT.refused);
      return;
    default:
      command satisfies never;
  }
}
