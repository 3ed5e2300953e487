/** What a mandatory access control denied us, from the lines of the kernel's log. Pure. */
import { type Finding, good, problem, unknown } from './finding.ts';

const DENIED = /avc:\s+denied|apparmor="DENIED"/;
/** As the kernel names a process: at most 15 characters. Node names its first thread, which a command keeps. */
const OURS = /comm="(?:vipward[^"]*|node|(?:node-)?MainThread|nft|modprobe)"/;
const SHOWN = 5;

/** `log`: undefined where it cannot be read. */
export function denialFindings(log: readonly string[] | undefined): readonly Finding[] {
  if (log === undefined)
    return [
      unknown(
        'what SELinux and AppArmor have denied',
        'the log of the kernel cannot be read here',
        'journalctl --dmesg | grep -i denied, as root and outside of a container',
      ),
    ];
  const denials = log.filter((line) => DENIED.test(line) && OURS.test(line));
  if (denials.length === 0) return [good('SELinux and AppArmor have denied vipward nothing since boot')];
  // Numbers in a line are its time and process: the same denial again says nothing new.
  const distinct = [...new Map(denials.map((line) => [line.replaceAll(/\d+/g, ''), line])).values()];
  return distinct
    .slice(-SHOWN)
    .map((line) =>
      problem(
        `denied by ${line.includes('apparmor') ? 'AppArmor' : 'SELinux'}: ${line.slice(0, 300)}`,
        'what vipward tried there did not happen',
        line.includes('apparmor')
          ? 'aa-complain the profile that is named there, or allow it in the profile'
          : 'ausearch -m avc -ts boot | audit2allow -M vipward && semodule -i vipward.pp, once you have read it',
      ),
    );
}
