import type { Family } from '../model/address.ts';
import type { RuleSpec } from '../model/routes.ts';
import { NLM_F } from '../netlink/message.ts';
import { RTPROT_VIPWARD } from '../netlink/route/numbers.ts';
import {
  decodeRule,
  encodeRule,
  encodeRuleDump,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  type RuleEntry,
} from '../netlink/route/rule.ts';
import { NETLINK_ROUTE, openNetlinkSocket } from '../sys/netlink-socket.ts';
import type { Attempt } from './kernel-error.ts';
import { type Refusal, refusalsOf } from './refusal.ts';
import { type NetlinkRequest, NetlinkRequester, type NetlinkTransport } from './request.ts';
import { isRule, ruleText } from './route-text.ts';

export type { Refusal } from './refusal.ts';
export { isRule, ruleText } from './route-text.ts';

/** A policy rule that the kernel holds. Its priority is there in any case. */
export type InstalledRule = RuleEntry;

/**
 * The policy rules of this network namespace. Those that are put are marked as ours (`proto 112`), and only such are
 * ever removed. Many are put or removed with one system call, and one that is refused stops no other. A rule may name
 * links that do not exist yet.
 */
export interface Rules {
  /** Of one family, or of both. Throws KernelError or KernelAnswerError. */
  list(family?: Family): readonly InstalledRule[];
  /** What we have put, or a process of ours before this one. Throws KernelError or KernelAnswerError. */
  listOwn(): readonly InstalledRule[];
  /** Adds the rules that are not there; those that are stay as they are. */
  put(specs: readonly RuleSpec[]): readonly Refusal<RuleSpec>[];
  /** Removes those of ours, the last one first; one that is not there is gone. */
  remove(specs: readonly RuleSpec[]): readonly Refusal<RuleSpec>[];
  close(): void;
}

/** Throws SystemError. */
export function openRules(socket: NetlinkTransport = openNetlinkSocket(NETLINK_ROUTE)): Rules {
  const netlink = new NetlinkRequester(socket);
  const list = (family?: Family) => listRules(netlink, family);
  const listOwn = () => list().filter(({ protocol }) => protocol === RTPROT_VIPWARD);
  return {
    list,
    listOwn,
    put(specs) {
      // Without a priority the kernel would choose a new one, and add the rule again.
      const open = specs.some(({ priority }) => priority === undefined);
      const own = open ? listOwn() : [];
      const missing = specs.filter(
        (spec) => spec.priority !== undefined || !own.some((held) => isRule(held, spec)),
      );
      return refusalsOf(missing, netlink.batch(missing.map(putRequest)), 'EEXIST');
    },
    remove(specs) {
      const reversed = specs.toReversed();
      return refusalsOf(reversed, netlink.batch(reversed.map(removeRequest)), 'ENOENT');
    },
    close: () => netlink.close(),
  };
}

function listRules(netlink: NetlinkRequester, family: Family | undefined): readonly InstalledRule[] {
  const families: readonly Family[] = family === undefined ? ['ipv4', 'ipv6'] : [family];
  return families.flatMap((each) =>
    netlink.dump(
      {
        attempt: { operation: 'list', object: `${each} rules` },
        type: RTM_GETRULE,
        payload: encodeRuleDump(each),
      },
      (message) => (message.type === RTM_NEWRULE ? decodeRule(message.payload) : undefined),
    ),
  );
}

const putRequest = (spec: RuleSpec): NetlinkRequest => ({
  attempt: naming('put', spec),
  type: RTM_NEWRULE,
  flags: NLM_F.create | NLM_F.exclusive,
  payload: encodeRule({ ...spec, protocol: RTPROT_VIPWARD }),
});

const removeRequest = (spec: RuleSpec): NetlinkRequest => ({
  attempt: naming('remove', spec),
  type: RTM_DELRULE,
  payload: encodeRule({ ...spec, protocol: RTPROT_VIPWARD }),
});

const naming = (operation: string, spec: RuleSpec): Attempt => ({
  operation,
  object: `rule ${ruleText(spec)}`,
});
