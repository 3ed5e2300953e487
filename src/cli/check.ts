/** `vipward check`: whether a configuration is good. Needs no daemon and no privileges. */
import { Argument, Command } from 'commander';
import type { Config } from '../model/config.ts';
import { isError, type Problem } from '../model/problem.ts';
import { readConfigFile, textOf } from './config-file.ts';
import { formatProblems, summarizeProblems } from './format/problems.ts';
import { styleFor } from './format/style.ts';
import { countOf } from './format/text.ts';
import { type Finish, jsonOption } from './options.ts';
import { DEFAULT_CONFIG } from './run-line.ts';
import { EXIT, printJson, printLines, type Terminal } from './terminal.ts';

/** What `vipward check --json` prints. */
export interface CheckDocument {
  readonly file: string;
  /** True when there are no errors; warnings do not count. */
  readonly valid: boolean;
  readonly problems: readonly Problem[];
}

export function checkCommand(terminal: Terminal, finish: Finish): Command {
  return new Command('check')
    .description('validate a configuration: every problem with its line and column')
    .addArgument(new Argument('[file]', 'the configuration').default(DEFAULT_CONFIG))
    .addOption(jsonOption())
    .addHelpText('after', '\nExits with 1 when there are errors; warnings alone are a success.')
    .action(async (file: string, options: { json?: true }) => {
      const bytes = await readConfigFile(file);
      const { config, problems } = await load(bytes, file);
      const valid = config !== undefined && !problems.some(isError);
      if (options.json) printJson(terminal, { file, valid, problems } satisfies CheckDocument);
      else report(terminal, file, textOf(bytes), config, problems);
      finish(valid ? EXIT.success : EXIT.failure);
    });
}

/** Imported here, so that no other command waits for the validation to load. */
async function load(bytes: Uint8Array, file: string) {
  const [{ loadConfig }, { readEnvironment }] = await Promise.all([
    import('../conf/load.ts'),
    import('../conf/environment.ts'),
  ]);
  return loadConfig(bytes, file, readEnvironment());
}

function report(
  terminal: Terminal,
  file: string,
  text: string,
  config: Config | undefined,
  problems: readonly Problem[],
): void {
  printLines(terminal.err, formatProblems(problems, styleFor(terminal.colours.err), text));
  if (config === undefined || problems.some(isError)) {
    printLines(terminal.err, [`${file}: not valid: ${summarizeProblems(problems)}`]);
    return;
  }
  const routers = countOf(config.virtualRouters.length, 'virtual router');
  // As the kernel counts: a service may stand for several.
  const entries = config.virtualServers.reduce((sum, service) => sum + service.entries.length, 0);
  const servers = countOf(entries, 'virtual server');
  const warnings = problems.length > 0 ? ` (${summarizeProblems(problems)})` : '';
  printLines(terminal.out, [`${file}: valid: ${routers}, ${servers}${warnings}`]);
}
