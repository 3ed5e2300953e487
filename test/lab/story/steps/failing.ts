/** One real server fails, in two ways, and recovers. */
import type { RealServerMode } from '../../support/tools.ts';
import { CHECK_INTERVAL, CHECK_TIMEOUT, MARGIN } from '../configuration.ts';
import { checkErrors } from '../findings.ts';
import { type Finding, time } from '../row.ts';
import type { Stage, WebServer } from '../stage.ts';
import type { Step } from '../step.ts';

export const refusing: Step = {
  title: '2 web1 refuses',
  tale: `The web server on web1 is shut down: its machine refuses connections. The next check finds out, and lvs1 takes
    web1 out of its table. Until then, two of three requests fail; afterwards none. Then the web server is started again.`,
  play: (stage, tell) => {
    return failAndRecover(stage, tell, {
      victim: stage.web1,
      other: stage.web2,
      mode: 'refuse',
      limit: CHECK_INTERVAL,
    });
  },
};

export const hanging: Step = {
  title: '3 web2 hangs',
  tale: `The web server on web2 hangs: it accepts connections and never answers. Only a time-out can tell, so the
    check takes 4 s longer.`,
  play: (stage, tell) => {
    const limit = CHECK_INTERVAL + CHECK_TIMEOUT;
    return failAndRecover(stage, tell, { victim: stage.web2, other: stage.web1, mode: 'hang', limit });
  },
};

interface Failure {
  readonly victim: WebServer;
  readonly other: WebServer;
  readonly mode: RealServerMode;
  /** How long detection may take, in ms. */
  readonly limit: number;
}

async function failAndRecover(
  stage: Stage,
  tell: (line: string) => void,
  failure: Failure,
): Promise<readonly Finding[]> {
  const { victim } = failure;
  const begin = Date.now();
  const removal = await fail(stage, failure);
  tell(`${victim.name} is out: ${removal.seen}`);
  const recovery = await recover(stage, failure);
  tell(`${victim.name} is in again: ${recovery.measured}`);
  const expected = 'the client sees errors until the removal, and none after it';
  return [removal, recovery, await checkErrors(stage, begin, expected)];
}

async function fail({ lvs1, traffic }: Stage, { victim, other, mode, limit }: Failure): Promise<Finding> {
  const mark = lvs1.log.mark;
  const failed = Date.now();
  await victim.server.change(mode);
  const { arrived } = await lvs1.tableHas('remove', victim.address, mark);
  traffic.allowErrors(failed, arrived);
  await traffic.answered(other.name, arrived);
  const took = arrived - failed;
  return {
    expected: `${victim.name} is taken out within ${time(limit)} (+ ${time(MARGIN)} margin)`,
    seen: lvs1.verdictOn(victim.address),
    measured: `out after ${time(took)}`,
    ok: took <= limit + MARGIN,
    values: { failureToRemoval: took },
  };
}

async function recover({ lvs1, traffic }: Stage, { victim, limit }: Failure): Promise<Finding> {
  const mark = lvs1.log.mark;
  const recovered = Date.now();
  await victim.server.change('serve');
  const { arrived } = await lvs1.tableHas('add', victim.address, mark);
  const answer = await traffic.answered(victim.name, recovered);
  const took = arrived - recovered;
  return {
    expected: `${victim.name} comes back after its next good check, within ${time(limit)} (+ ${time(MARGIN)})`,
    seen: `${victim.name} answers again`,
    measured: `in after ${time(took)}, first answer after ${time(answer.start + answer.duration - recovered)}`,
    ok: took <= limit + MARGIN,
    values: { recoveryToReturn: took },
  };
}
