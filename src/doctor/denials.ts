/** What a mandatory access control denied us, from the lines of the kernel's log. Pure. */
import { durationText, milliseconds } from '../model/units.ts';
import { type Finding, good, problem, unknown, warning } from './finding.ts';

const DENIED = /avc:\s+denied|apparmor="DENIED"/;
/** As the kernel names a process: at most 15 characters. Node names its first thread, which a command keeps. */
const OURS = /comm="(?:vipward[^"]*|node|(?:node-)?MainThread|nft|modprobe)"/;
const SHOWN = 5;
/** When it was, by the audit's own stamp: seconds since 1970. */
const STAMP = /audit\((\d+)[.:]/;
/** The log keeps them until the next boot: what was mended since must not be a problem for ever. */
const RECENT = milliseconds(3_600_000);

/** `log`: undefined where it cannot be read. `now`: as Date.now(). */
export function denialFindings(log: readonly string[] | undefined, now: number): readonly Finding[] {
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
  return distinct.slice(-SHOWN).map((line) => denialFinding(line, now));
}

function denialFinding(line: string, now: number): Finding {
  const stamp = STAMP.exec(line)?.[1];
  const age = stamp === undefined ? undefined : Math.max(0, now - Number(stamp) * 1000);
  const recent = age === undefined || age < RECENT;
  const when = age === undefined ? '' : ` ${durationText(milliseconds(Math.floor(age / 1000) * 1000))} ago`;
  return (recent ? problem : warning)(
    `denied by ${isAppArmor(line) ? 'AppArmor' : 'SELinux'}${when}: ${line.slice(0, 300)}`,
    `what vipward tried there did not happen${recent ? '' : ', unless you have mended it since: the log keeps it'}`,
    isAppArmor(line) ? appArmorMend(line) : SELINUX_MEND,
  );
}

const isAppArmor = (line: string): boolean => line.includes('apparmor=');

const SELINUX_MEND =
  'ausearch -m avc -ts boot | audit2allow -M vipward && semodule -i vipward.pp, once you have read it; then systemctl restart vipward';

/** Names of profiles may hold blanks; whoever could write one into the log must not write a command. */
function appArmorMend(line: string): string {
  const profile = /profile="([\w./-]+)"/.exec(line)?.[1] ?? 'PROFILE';
  return `allow it in the profile ${profile} under /etc/apparmor.d, or aa-complain ${profile}; then systemctl restart vipward`;
}
