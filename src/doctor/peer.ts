/** Whether two directors agree: version, configuration, clock. Pure. */
import type { StatusDocument } from '../model/status.ts';
import { durationText, milliseconds } from '../model/units.ts';
import { type Finding, good, problem, warning } from './finding.ts';

export type PeerStatus = Pick<StatusDocument, 'director' | 'version' | 'at'> & {
  readonly configuration: Pick<StatusDocument['configuration'], 'shared'>;
};

/** Milliseconds: when the peer was asked, and when its answer was there, by our clock. */
export interface Asked {
  readonly from: number;
  readonly to: number;
}

/** Certificates and logs do not mind less. */
const TOLERABLE_OFFSET = milliseconds(1_000);

/** `asked`: undefined where the answer may be of any age, so that its clock tells nothing. */
export function peerFindings(
  ours: PeerStatus,
  peer: PeerStatus,
  asked: Asked | undefined,
): readonly Finding[] {
  const name = peer.director;
  const found = [
    ...(ours.version === peer.version
      ? []
      : [
          warning(
            `${name} runs vipward ${peer.version}, this director ${ours.version}`,
            'the two may not do the same',
            `upgrade ${isOlder(ours.version, peer.version) ? 'this director' : name}`,
          ),
        ]),
    ...(ours.configuration.shared === peer.configuration.shared
      ? []
      : [
          problem(
            `${name} has another configuration (priority, names and addresses of the directors apart)`,
            'after a failover clients are served in another way, or not at all',
            `diff <(ssh ${name} cat /etc/vipward/vipward.yaml) /etc/vipward/vipward.yaml`,
          ),
        ]),
    ...(asked === undefined ? [] : offset(name, peer.at, asked)),
  ];
  const same = asked === undefined ? 'version and configuration' : 'version, configuration and time';
  return found.length > 0 ? found : [good(`${name} has the same ${same}`)];
}

const isOlder = (a: string, b: string): boolean => a.localeCompare(b, 'en', { numeric: true }) < 0;

function offset(name: string, theirs: number, { from, to }: Asked): readonly Finding[] {
  // Somewhere between the question and the answer their clock was read.
  const least = Math.max(0, theirs - to, from - theirs);
  if (least <= TOLERABLE_OFFSET) return [];
  return [
    warning(
      `the clock of ${name} is at least ${durationText(milliseconds(Math.round(least)))} ${theirs > to ? 'ahead' : 'behind'}`,
      'logs of the two cannot be compared, leases of an arbiter and certificates may be judged differently',
      'timedatectl set-ntp true on both',
    ),
  ];
}

/** Throws for a text that is no status of vipward. */
export function parsePeerStatus(text: string): PeerStatus {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('the peer has not answered with `vipward status --json`', { cause });
  }
  const status = value as Partial<StatusDocument> | null;
  if (
    typeof status !== 'object' ||
    typeof status?.version !== 'string' ||
    typeof status.director !== 'string' ||
    typeof status.at !== 'number' ||
    typeof status.configuration?.shared !== 'string'
  ) {
    throw new Error('what the peer has answered is no status of a vipward of this version');
  }
  return {
    director: status.director,
    version: status.version,
    at: status.at,
    configuration: status.configuration,
  };
}
