/** The options of ipvsadm 1.31, and how a command line is taken apart into them: as popt(3) does it. */

interface Spec {
  readonly short?: string;
  /** `optional`: what follows is taken unless it begins with a dash. */
  readonly argument?: 'required' | 'optional';
}

const REQUIRED = { argument: 'required' } as const;

/** By their long names. The first option of a line must be one of COMMANDS, and no other may be. */
const SPECS = {
  'add-service': { short: 'A' },
  'edit-service': { short: 'E' },
  'delete-service': { short: 'D' },
  clear: { short: 'C' },
  list: { short: 'L' },
  zero: { short: 'Z' },
  'add-server': { short: 'a' },
  'edit-server': { short: 'e' },
  'delete-server': { short: 'd' },
  set: {},
  help: { short: 'h' },
  version: { short: 'v' },
  restore: { short: 'R' },
  save: { short: 'S' },
  'start-daemon': REQUIRED,
  'stop-daemon': REQUIRED,
  'tcp-service': { short: 't', ...REQUIRED },
  'udp-service': { short: 'u', ...REQUIRED },
  'sctp-service': REQUIRED,
  'fwmark-service': { short: 'f', ...REQUIRED },
  scheduler: { short: 's', ...REQUIRED },
  persistent: { short: 'p', argument: 'optional' },
  netmask: { short: 'M', ...REQUIRED },
  'real-server': { short: 'r', ...REQUIRED },
  masquerading: { short: 'm' },
  ipip: { short: 'i' },
  gatewaying: { short: 'g' },
  weight: { short: 'w', ...REQUIRED },
  'u-threshold': { short: 'x', ...REQUIRED },
  'l-threshold': { short: 'y', ...REQUIRED },
  numeric: { short: 'n' },
  connection: { short: 'c' },
  'mcast-interface': REQUIRED,
  syncid: REQUIRED,
  timeout: {},
  daemon: {},
  stats: {},
  rate: {},
  thresholds: {},
  'persistent-conn': {},
  nosort: {},
  sort: {},
  exact: { short: 'X' },
  ipv6: { short: '6' },
  ops: { short: 'o' },
  pe: REQUIRED,
  'sched-flags': { short: 'b', ...REQUIRED },
  'mcast-group': REQUIRED,
  'mcast-port': REQUIRED,
  'mcast-ttl': REQUIRED,
  'sync-maxlen': REQUIRED,
  'tun-info': {},
  'tun-type': REQUIRED,
  'tun-port': REQUIRED,
  'tun-nocsum': {},
  'tun-csum': {},
  'tun-remcsum': {},
} as const satisfies Readonly<Record<string, Spec>>;

export const COMMANDS = [
  'add-service',
  'edit-service',
  'delete-service',
  'clear',
  'list',
  'zero',
  'add-server',
  'edit-server',
  'delete-server',
  'set',
  'help',
  'version',
  'restore',
  'save',
  'start-daemon',
  'stop-daemon',
] as const;

export type CommandName = (typeof COMMANDS)[number];
export type OptionName = keyof typeof SPECS;

/** An option as it was found on the line. */
export interface Found {
  readonly name: OptionName;
  /** Absent for one that takes none, and where an optional one was not given. */
  readonly value: string | undefined;
}

export interface Scanned {
  readonly options: readonly Found[];
  /** What is no option. */
  readonly words: readonly string[];
  /** Why nothing after these could be read. */
  readonly problem: string | undefined;
}

const isOptionName = (name: string): name is OptionName => Object.hasOwn(SPECS, name);
const specOf = (name: OptionName): Spec => SPECS[name];
const NAMES = Object.keys(SPECS).filter(isOptionName);
const SHORT: ReadonlyMap<string | undefined, OptionName> = new Map([
  ...NAMES.map((name): [string | undefined, OptionName] => [specOf(name).short, name]),
  ['l', 'list'],
]);

const argumentOf = (name: OptionName): Spec['argument'] => specOf(name).argument;

/** Takes a line apart, up to the first option that cannot be read. Words may stand between options; `--` ends these. */
export function scan(argv: readonly string[]): Scanned {
  const scanner = new Scanner(argv);
  const problem = scanner.run();
  return { options: scanner.options, words: scanner.words, problem };
}

class Scanner {
  readonly options: Found[] = [];
  readonly words: string[] = [];
  readonly #argv: readonly string[];
  #next = 0;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  run(): string | undefined {
    for (;;) {
      const text = this.#argv[this.#next];
      if (text === undefined) return undefined;
      this.#next++;
      if (text === '--') {
        this.words.push(...this.#argv.slice(this.#next));
        return undefined;
      }
      const problem = this.#take(text);
      if (problem !== undefined) return `${text}: ${problem}`;
    }
  }

  #take(text: string): string | undefined {
    if (text === '-' || !text.startsWith('-')) {
      this.words.push(text);
      return undefined;
    }
    return text.startsWith('--') ? this.#long(text.slice(2)) : this.#short(text.slice(1));
  }

  /** `name` or `name=value`. */
  #long(text: string): string | undefined {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (!isOptionName(name)) return UNKNOWN;
    return this.#found(name, equals < 0 ? undefined : text.slice(equals + 1));
  }

  /** Several letters; what follows one that takes a value is that value. */
  #short(letters: string): string | undefined {
    for (let i = 0; i < letters.length; i++) {
      const name = SHORT.get(letters.charAt(i));
      if (name === undefined) return UNKNOWN;
      const rest = letters.slice(i + 1);
      if (argumentOf(name) !== undefined && rest !== '') return this.#found(name, rest.replace(/^=/, ''));
      const problem = this.#found(name, undefined);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #found(name: OptionName, attached: string | undefined): string | undefined {
    const argument = argumentOf(name);
    if (argument === undefined) {
      if (attached !== undefined) return 'option does not take an argument';
      this.options.push({ name, value: undefined });
      return undefined;
    }
    const value = attached ?? this.#following(argument);
    if (value === undefined && argument === 'required') return 'missing argument';
    this.options.push({ name, value });
    return undefined;
  }

  #following(argument: 'required' | 'optional'): string | undefined {
    const text = this.#argv[this.#next];
    if (text === undefined || (argument === 'optional' && text.startsWith('-'))) return undefined;
    this.#next++;
    return text;
  }
}

const UNKNOWN = 'unknown option';
