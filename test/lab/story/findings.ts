/** What several steps look at in the same way. */
import type { RequestResult } from '../support/client.ts';
import type { Weights } from './configuration.ts';
import { counts, errors, type Finding, time } from './row.ts';
import type { Stage } from './stage.ts';
import { errorsOf } from './traffic.ts';

/** Whole rounds of both weights that the story uses, so that weighted round robin comes out even. */
const REQUESTS = 60;

/** From an announcement on the wire to the client's knowledge of it on a busy machine, in ms. */
export const NEWS = 100;

/** Weighted round robin is exact, to the request, where the director sees nothing but these. */
export async function checkSplit(stage: Stage, weights: Weights): Promise<Finding> {
  const split = await stage.traffic.split(REQUESTS);
  const share = (REQUESTS * weights[0]) / (weights[0] + weights[1]);
  const [web1 = 0, web2 = 0] = [split.web1, split.web2];
  return {
    expected: `${REQUESTS} requests are shared ${weights.join(' : ')}: web1 ${share}, web2 ${REQUESTS - share}`,
    seen: counts(split),
    measured: '',
    ok: web1 === share && web2 === REQUESTS - share,
    values: { web1, web2 },
  };
}

/** No error in the requests of this time (until now unless given), but where `traffic.allowErrors` has said so. */
export async function checkErrors(
  stage: Stage,
  from: number,
  expected: string,
  to: number = Date.now(),
): Promise<Finding> {
  const requests = await stage.traffic.sent(from, to);
  const all = errorsOf(requests);
  const unexplained = stage.traffic.unexplained(requests);
  return {
    expected,
    seen:
      unexplained.length === 0
        ? 'as expected'
        : `${errors(unexplained.length)} else: ${examples(unexplained, from)}`,
    measured: `${requests.length} requests, ${errors(all.length)}${kinds(all)}${span(all)}`,
    ok: requests.length > 0 && unexplained.length === 0,
    values: { requests: requests.length, errors: all.length, unexplained: unexplained.length },
  };
}

/** From the first failed request to the last one, by when they were sent. */
function span(failed: readonly RequestResult[]): string {
  const [first, last] = [failed[0], failed.at(-1)];
  return first === undefined || last === undefined || first === last
    ? ''
    : ` within ${time(last.start - first.start)}`;
}

function kinds(failed: readonly RequestResult[]): string {
  const names = new Set(failed.map(({ error }) => error ?? ''));
  return names.size === 0 ? '' : ` (${[...names].join(', ')})`;
}

const examples = (failed: readonly RequestResult[], from: number): string =>
  failed
    .slice(0, 3)
    .map(
      ({ error, start, duration }) => `${error} sent at +${time(start - from)}, over after ${time(duration)}`,
    )
    .join('; ');
