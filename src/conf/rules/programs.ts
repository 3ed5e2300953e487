/** Programs that are run as root, or not at all: whether they are there, and who can change them. */
import { changeableText } from '../../model/trusted-path.ts';
import type { Environment } from '../environment.ts';
import { type Finding, type Path, warningAt } from '../finding.ts';
import { type ConfigDraft, type NotifyDraft, servicesOf, syncGroupsOf, virtualRoutersOf } from './draft.ts';

interface Program {
  readonly path: Path;
  readonly command: string;
  /** As whom it runs; undefined: as root. */
  readonly user: string | undefined;
  /** What comes of it when it cannot be run. */
  readonly consequence: string;
}

export const programFindings = (draft: ConfigDraft, environment: Environment): readonly Finding[] =>
  programsOf(draft).flatMap((program) => ofProgram(program, environment));

function ofProgram(
  { path, command, user, consequence }: Program,
  environment: Environment,
): readonly Finding[] {
  const facts = environment.inspectProgram(command);
  if ('problem' in facts) return [warningAt(path, `${command} ${facts.problem}: ${consequence}`)];
  if (facts.changeable === undefined || !isRoot(user)) return [];
  const message = `${changeableText(command, facts.changeable)}, or name the user to run as; until then ${consequence}`;
  return [warningAt(path, message)];
}

const isRoot = (user: string | undefined): boolean => user === undefined || /^(?:root|0+)$/.test(user);

function programsOf(draft: ConfigDraft): readonly Program[] {
  const scripts = Object.entries(draft.track?.scripts ?? {}).map(([name, script]) => ({
    ...script,
    path: ['track', 'scripts', name, 'command'],
    consequence: 'the script counts as down',
  }));
  const notified = [...virtualRoutersOf(draft), ...syncGroupsOf(draft)].flatMap(({ path, value }) =>
    scriptsOf(value.notify ?? {}, [...path, 'notify']),
  );
  const quorums = servicesOf(draft).flatMap(({ path, value }) =>
    QUORUM_EVENTS.flatMap((event) => {
      const script = value.notify?.[event];
      if (script === undefined) return [];
      const consequence = 'nothing is run when the quorum changes';
      return [{ ...script, path: [...path, 'notify', event], consequence }];
    }),
  );
  return [...scripts, ...notified, ...quorums].flatMap(({ command, user, path, consequence }) => {
    const program = command?.[0];
    return program === undefined ? [] : [{ path, command: program, user, consequence }];
  });
}

const QUORUM_EVENTS = ['quorum_up', 'quorum_down'] as const;
const STATES = ['all', 'active', 'backup', 'fault', 'stop'] as const;
type ScriptDraft = NonNullable<NotifyDraft['all']>;

function scriptsOf(notify: NotifyDraft, path: Path) {
  const scripts: { readonly [State in (typeof STATES)[number]]?: ScriptDraft | undefined } = notify;
  return STATES.flatMap((state) => {
    const script = scripts[state];
    if (script === undefined) return [];
    return [{ ...script, path: [...path, state], consequence: 'nothing is run when the state changes' }];
  });
}
