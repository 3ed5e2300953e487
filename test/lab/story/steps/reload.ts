/** The configuration is edited under traffic: once well, once badly. */
import { CONFIG_PATH, configuration, misspelt, VIP, type Weights } from '../configuration.ts';
import { checkErrors, checkSplit } from '../findings.ts';
import { type HeldConnection, holdConnection } from '../held.ts';
import type { Finding } from '../row.ts';
import type { Stage } from '../stage.ts';
import type { Step } from '../step.ts';

/** From this step on. */
export const NEW_WEIGHTS: Weights = [2, 4];

export const newWeight: Step = {
  title: '5 new weight',
  tale: `The administrator gives web2 the weight 4 instead of 1, in the files of both directors, and reloads. The share
    of traffic changes; connections that are open go on, and the kernel's counters of what stays go on counting.`,
  async play(stage, tell) {
    const begin = Date.now();
    const open = await holdConnection(stage);
    const before = await stage.lvs1.connectionCounts();
    const reloaded = await reloadBoth(stage);
    const after = await stage.lvs1.connectionCounts();
    tell('reloaded; now counting who answers');
    return [
      reloaded,
      await checkSplit(stage, NEW_WEIGHTS),
      await continued(open, before, after),
      await checkErrors(stage, begin, 'the client sees no error'),
    ];
  },
};

export const brokenFile: Step = {
  title: '6 broken file',
  tale: `The administrator misspells a key and reloads lvs1. The reload fails and says where the mistake is; nothing
    else happens.`,
  async play(stage, tell) {
    const begin = Date.now();
    const { lvs1 } = stage;
    const { text, place } = misspelt(configuration(lvs1.priority, NEW_WEIGHTS));
    const before = await lvs1.table();
    await lvs1.kernel.writeFile(CONFIG_PATH, text);
    const { code, stderr } = await lvs1.vipward('reload');
    const after = await lvs1.table();
    const [line = 'nothing'] = stderr.split('\n');
    tell(`vipward reload: ${line}`);
    await lvs1.configure(NEW_WEIGHTS);
    const mended = await lvs1.vipward('reload');
    return [
      {
        expected: `reload fails with exit code 1 and names ${place}`,
        seen: `exit code ${code}: ${line}`,
        measured: '',
        ok: code === 1 && stderr.includes(`${place}:`),
        values: {},
      },
      {
        expected: 'the table stays as it was; the mended file is accepted again',
        seen: `${before === after ? 'unchanged' : `changed from ${before} to ${after}`}; mended: exit code ${mended.code}`,
        measured: '',
        ok: before === after && mended.code === 0,
        values: {},
      },
      await checkErrors(stage, begin, 'the client sees no error'),
    ];
  },
};

async function reloadBoth({ lvs1, lvs2 }: Stage): Promise<Finding> {
  const results = await Promise.all(
    [lvs1, lvs2].map(async (director) => {
      await director.configure(NEW_WEIGHTS);
      return await director.vipward('reload');
    }),
  );
  const codes = results.map(({ code }) => code);
  const failures = results.map(({ stderr }) => stderr).join(' ');
  return {
    expected: 'vipward reload on both directors: exit code 0',
    seen: `exit codes ${codes.join(' and ')} ${failures}`.trim(),
    measured: '',
    ok: codes.every((code) => code === 0),
    values: {},
  };
}

async function continued(
  open: HeldConnection,
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Promise<Finding> {
  const answer = await open.ask();
  const reset = [...before]
    .filter(([entry, count]) => (after.get(entry) ?? 0) < count)
    .map(([entry]) => entry);
  const total = (counts: ReadonlyMap<string, number>): number => counts.get(VIP) ?? 0;
  return {
    expected: 'a connection opened before is answered after; counters go on',
    seen: `it was answered "${answer}"; ${reset.length === 0 ? 'no counter began anew' : `began anew: ${reset.join(', ')}`}`,
    measured: `connections counted: ${total(before)} before, ${total(after)} after`,
    ok: /^web[12]$/.test(answer) && before.size === 3 && reset.length === 0 && total(before) > 0,
    values: { countedBefore: total(before), countedAfter: total(after) },
  };
}
