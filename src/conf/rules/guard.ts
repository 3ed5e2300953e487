/** Arbiter, fencing and mail: what they need. */
import { changeableText } from '../../model/trusted-path.ts';
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, warningAt, warningAtKey } from '../finding.ts';
import { type ConfigDraft, itemsOf, syncGroupsOf, virtualRoutersOf } from './draft.ts';
import { loginFindings } from './login.ts';
import { waysOf } from './transport.ts';

export const guardFindings = (draft: ConfigDraft, environment: Environment): readonly Finding[] => [
  ...arbiterFindings(draft, environment),
  ...fencingFindings(draft, environment),
  ...mailFindings(draft, environment),
];

function arbiterFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const { arbiter } = draft;
  if (arbiter === undefined) return [];
  return [
    ...needless('arbiter', draft),
    ...loginFindings(arbiter, ['arbiter'], environment),
    ...certificates(arbiter, environment),
    ...clearPassword(arbiter),
    ...moreDirectors(arbiter.directors, draft),
    ...ownPrefix(arbiter.prefix),
    ...mute(draft),
  ];
}

type ArbiterDraft = NonNullable<ConfigDraft['arbiter']>;

function certificates(arbiter: ArbiterDraft, { fileProblem }: Environment): readonly Finding[] {
  const files = (['ca', 'cert', 'key'] as const).flatMap((key) => {
    const path = arbiter[key];
    const problem = path === undefined ? undefined : fileProblem(path);
    return problem === undefined ? [] : [errorAt(['arbiter', key], `${path} ${problem}`)];
  });
  const [half, missing] = 'cert' in arbiter ? ['cert', 'key'] : ['key', 'cert'];
  if (!(half in arbiter) || missing in arbiter) return files;
  return [
    ...files,
    errorAtKey(['arbiter', half], `${half} needs ${missing}: add the other half of the pair`),
  ];
}

function clearPassword({ etcd, ...login }: ArbiterDraft): readonly Finding[] {
  const clear = (etcd ?? []).findIndex((url) => url?.startsWith('http:') === true);
  if (clear === -1 || !('user' in login)) return [];
  return [warningAt(['arbiter', 'etcd', clear], `the password goes to ${etcd?.[clear]} in clear: use https`)];
}

/** Nobody can have more peers than there are other directors. */
function moreDirectors(directors: number | undefined, draft: ConfigDraft): readonly Finding[] {
  const lists = virtualRoutersOf(draft).flatMap((router) =>
    waysOf(router).map(({ value }) => value.peers ?? []),
  );
  const counts = lists.map((peers) => {
    const v6 = peers.filter((peer) => peer?.address?.includes(':')).length;
    return Math.max(v6, peers.length - v6);
  });
  const most = Math.max(0, ...counts) + 1;
  if (directors === undefined || most <= directors) return [];
  const message = `directors is ${directors}, but with its peers a virtual router has ${most}: give ${most}, on all of them`;
  return [errorAt(['arbiter', 'directors'], message)];
}

/** Backups answer adverts so that an active director knows that it is heard, and version 2 has no such message. */
function mute(draft: ConfigDraft): readonly Finding[] {
  const message = 'version 2 has no answers to adverts, which an arbiter needs: use version 3';
  return virtualRoutersOf(draft)
    .filter(({ value }) => value.version === 2)
    .map(({ path }) => errorAt([...path, 'version'], message));
}

function ownPrefix(prefix: string | undefined): readonly Finding[] {
  if (prefix === undefined || prefix.endsWith('/')) return [];
  return [errorAt(['arbiter', 'prefix'], `prefix ${prefix} must end with a slash: ${prefix}/`)];
}

function fencingFindings(draft: ConfigDraft, { inspectProgram }: Environment): readonly Finding[] {
  const { fencing } = draft;
  if (fencing === undefined) return [];
  const { agent, options } = fencing;
  const facts = agent === undefined ? { changeable: undefined } : inspectProgram(agent);
  const path = ['fencing', 'agent'];
  return [
    ...needless('fencing', draft),
    ...('problem' in facts
      ? [warningAt(path, `${agent} ${facts.problem}: fencing fails (Debian: apt install fence-agents)`)]
      : []),
    ...('changeable' in facts && facts.changeable !== undefined && agent !== undefined
      ? [warningAt(path, `${changeableText(agent, facts.changeable)}; until then fencing fails`)]
      : []),
    ...(Object.hasOwn(options ?? {}, 'action')
      ? [errorAtKey(['fencing', 'options', 'action'], 'action is given by vipward itself: remove it')]
      : []),
  ];
}

/** Both guard the addresses of virtual routers. */
function needless(
  section: 'arbiter' | 'fencing',
  { virtual_routers: routers }: ConfigDraft,
): readonly Finding[] {
  if (routers === undefined || Object.keys(routers).length > 0) return [];
  return [warningAtKey([section], `${section} has nothing to guard: there are no virtual_routers`)];
}

function mailFindings(draft: ConfigDraft, environment: Environment): readonly Finding[] {
  const users = [...virtualRoutersOf(draft), ...syncGroupsOf(draft)].filter(
    ({ value }) => value.notify?.mail === true,
  );
  const { mail } = draft;
  if (!('mail' in draft))
    return users.map(({ path }) =>
      errorAt(
        [...path, 'notify', 'mail'],
        'there is no section mail that says where to and by which server: add it',
      ),
    );
  if (mail === undefined) return [];
  const clear = mail.security === 'none' && 'user' in mail;
  return [
    ...loginFindings(mail, ['mail'], environment),
    ...(clear
      ? [warningAt(['mail', 'security'], 'the password goes over the network in clear: use starttls or tls')]
      : []),
    ...(users.length === 0 && itemsComplete(draft)
      ? [
          warningAtKey(
            ['mail'],
            'nobody sends mail: write notify: { mail: true } in a virtual router or sync group',
          ),
        ]
      : []),
  ];
}

/** Whether every notify could be read. */
const itemsComplete = (draft: ConfigDraft): boolean =>
  itemsOf(
    [...Object.values(draft.virtual_routers ?? {}), ...Object.values(draft.sync_groups ?? {})],
    [],
  ).every(({ value }) => value.notify !== undefined);
