/** From YAML text to a tree with places, or to what is wrong with the text as YAML. */
import { Composer, type CST, type Document, Lexer, Parser } from 'yaml';
import { parseInBlocks } from './blocks.ts';
import { syntaxProblems } from './syntax-problems.ts';
import type { TextProblem } from './text.ts';
import { buildTree, type Tree } from './tree.ts';

export interface Source {
  /** undefined: the text is no YAML, and the problems say why. */
  readonly tree: Tree | undefined;
  readonly problems: readonly TextProblem[];
}

/** The configuration itself nests six deep. */
const MAX_DEPTH = 64;
/** Words, marks and blanks, as YAML's grammar has them. A megabyte of dense, honest text holds some 550,000. */
const MAX_LEXEMES = 600_000;
/** A mistake in the syntax makes others behind it. */
const MAX_MISTAKES = 100;

/** Files below this are read so fast that nothing need be remembered of them. */
const LONG = 16 * 1024;

/** Never throws. The tree of a long text shares its values with that of the next one, so they must not be changed. */
export function parseSource(text: string): Source {
  return (text.length < LONG ? undefined : parseInBlocks(text, parseWhole)) ?? parseWhole(text);
}

/**
 * Never throws. Keys are strings whatever they look like, so that a service may be called `80`. The core schema of
 * YAML 1.2: `yes` and `on` are words, not booleans, and no tag makes anything but plain values.
 */
export function parseWhole(text: string): Source {
  return withoutStackTraces(() => {
    const { tokens, refused } = readTokens(text);
    if (refused !== undefined) return { tree: undefined, problems: [refused] };
    const options = { schema: 'core', stringKeys: true, uniqueKeys: false, resolveKnownTags: false } as const;
    const documents: Document.Parsed[] = [];
    for (const document of new Composer(options).compose(tokens, true, text.length)) {
      documents.push(document);
      // One too many is enough to know.
      if (documents.length === 2) break;
    }
    return readDocuments(documents, text);
  });
}

function readDocuments(documents: readonly Document.Parsed[], text: string): Source {
  // An unknown tag is a warning to the yaml package; here nothing has a tag.
  const mistakes = documents.flatMap((document) => [...document.errors, ...document.warnings]);
  const [document, second] = documents;
  if (mistakes.length > 0 || document === undefined) {
    return {
      tree: undefined,
      problems: syntaxProblems(mistakes.slice(0, MAX_MISTAKES), text),
    };
  }
  const { tree, problems } = buildTree(document.contents);
  if (second === undefined) return { tree, problems };
  const message = 'a second YAML document begins here: the configuration is one document, remove the ---';
  return { tree, problems: [...problems, { offset: second.range[0], message }] };
}

interface Tokens {
  readonly tokens: readonly CST.Token[];
  /** Why they were not read to the end. */
  readonly refused: TextProblem | undefined;
}

/**
 * The text's tokens, given up as soon as it is sure to be junk, so that megabytes of it cost no more than their
 * beginning: the daemon does nothing else meanwhile. What reads tokens recurses, hence the bound on their depth.
 */
function readTokens(text: string): Tokens {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let mistakes = 0;
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === 'error') mistakes++;
    }
    const message = tooMuch(parser.stack.length, ++lexemes);
    if (message !== undefined) {
      return { tokens: [], refused: { offset: parser.offset - lexeme.length, message } };
    }
    if (mistakes >= MAX_MISTAKES) break;
  }
  tokens.push(...parser.end());
  return { tokens, refused: undefined };
}

function tooMuch(depth: number, lexemes: number): string | undefined {
  if (depth > MAX_DEPTH) return `nested more than ${MAX_DEPTH} levels deep: a configuration never is`;
  if (lexemes <= MAX_LEXEMES) return undefined;
  return `there are ${MAX_LEXEMES} words and marks before this: a configuration never has so many`;
}

/**
 * The yaml package makes an Error for every mistake, and nobody reads their stack traces: a megabyte of commas is
 * refused in a tenth of the time without them.
 */
function withoutStackTraces<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
