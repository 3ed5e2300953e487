/** The file that both directors run, and what its numbers promise. Only the priority differs between the two. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const VIP = '10.1.1.254';
export const CONFIG_PATH = '/etc/vipward/vipward.yaml';

const FILE = readFileSync(join(import.meta.dirname, 'vipward.yaml'), 'utf8');

export type Weights = readonly [web1: number, web2: number];
/** As the file has them. */
export const WEIGHTS: Weights = [2, 1];

/**
 * The file's own values, in ms. Adverts are twice as far apart as unless told otherwise: a successor is waited for as
 * long, and a machine that is busy with other work may stand still for a second.
 */
export const ADVERT_INTERVAL = 2_000;
export const CHECK_INTERVAL = 3_000;
export const CHECK_TIMEOUT = 4_000;

/**
 * What a slow machine, shared with other work, may add to any of the times that are promised: it may stand still for
 * seconds. Small beside what a missing function would cost: without a check or an election nothing at all would happen.
 */
export const MARGIN = 10_000;
/** Within this all that the daemons are asked for has happened, in ms: a start in an embedded kernel takes longest. */
export const PATIENCE = 120_000;

/** How long a director of this priority waits for an advert (activeDownInterval, RFC 9568 section 6.1), in ms. */
export const activeDownInterval = (priority: number): number =>
  3 * ADVERT_INTERVAL + ((256 - priority) * ADVERT_INTERVAL) / 256;

export function configuration(priority: number, [web1, web2]: Weights = WEIGHTS): string {
  return edited(
    edited(
      edited(FILE, 'priority: 150', `priority: ${priority}`),
      '10.1.1.2, weight: 2',
      `10.1.1.2, weight: ${web1}`,
    ),
    '10.1.1.3, weight: 1',
    `10.1.1.3, weight: ${web2}`,
  );
}

/** The same with a slip of the pen in it, and the place where that is. */
export function misspelt(text: string): { readonly text: string; readonly place: string } {
  const broken = edited(text, '10.1.1.3, weight:', '10.1.1.3, weigth:');
  const before = broken.slice(0, broken.indexOf('weigth')).split('\n');
  const column = (before.at(-1) ?? '').length + 1;
  return { text: broken, place: `${CONFIG_PATH}:${before.length}:${column}` };
}

function edited(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`vipward.yaml of the story has no "${from}"`);
  return text.replace(from, to);
}
