/**
 * Whether somebody other than root could put another program in the place of one that root runs: one who can would be
 * root with the next change of state (keepalived: enable_script_security). The one rule for those who warn of it and
 * those who refuse it; what is on the disk they look up themselves, at once or in the background.
 */

/** Of a file, folder or symbolic link, as lstat(2) and readlink(2) tell. */
export interface PathFacts {
  readonly uid: number;
  readonly gid: number;
  /** With its kind (`S_IFMT`). */
  readonly mode: number;
  /** Where it leads; undefined: it is no symbolic link. */
  readonly target: string | undefined;
}

/** The place where others than root can interfere. */
export interface Changeable {
  readonly at: string;
  /** Who can, in words that go on after the place. */
  readonly reason: string;
}

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
/** In a folder with this bit only the owner of an entry may remove or rename it (chmod(1)). */
const STICKY = 0o1000;
/** As path_resolution(7). */
const MOST_LINKS = 40;

/**
 * Asks for the facts of one path after the other; gives the first that is not root's alone: the file at the absolute
 * path `program`, each folder above it, and each symbolic link and folder on the way there. A folder of root's like
 * /tmp, where everybody may make entries but not touch those of others, is no danger to an entry of root's.
 */
export function* whoElseCanChange(program: string): Generator<string, Changeable | undefined, PathFacts> {
  const waiting = partsOf(program);
  // Without a link, and without a slash at its end: that of the root is empty.
  let at = '';
  let links = 0;
  const top = whoElse(yield '/');
  if (top !== undefined) return { at: '/', reason: top };
  for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
    if (part === '..') {
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
      continue;
    }
    const next = `${at}/${part}`;
    const facts = yield next;
    const reason = whoElse(facts);
    if (reason !== undefined) return { at: next, reason };
    if (facts.target === undefined) at = next;
    else if (++links > MOST_LINKS) return { at: next, reason: 'leads through too many symbolic links' };
    else {
      if (facts.target.startsWith('/')) at = '';
      waiting.unshift(...partsOf(facts.target));
    }
  }
  return undefined;
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** Who beside root could change it; undefined: nobody. An ACL that lets somebody write shows as the group's right. */
function whoElse({ uid, gid, mode, target }: PathFacts): string | undefined {
  if (uid !== 0) return `belongs to user ${uid}`;
  // The mode of a symbolic link means nothing.
  if (target !== undefined) return undefined;
  if ((mode & S_IFMT) === S_IFDIR && (mode & STICKY) !== 0) return undefined;
  if ((mode & OTHER_WRITE) !== 0) return 'can be written by everybody';
  if ((mode & GROUP_WRITE) !== 0 && gid !== 0) return `can be written by group ${gid}`;
  return undefined;
}

/** What is wrong with `program`, and what to do. */
export const changeableText = (program: string, { at, reason }: Changeable): string =>
  `${at === program ? at : `${program}: ${at}`} ${reason}, and root would run it: make root the owner and take that right away`;
