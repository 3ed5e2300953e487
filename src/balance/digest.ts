/**
 * A digest of the table as the kernel holds it: equal on two directors that balance alike. The order of real servers
 * counts only where the scheduler goes by it.
 */
import { createHash } from 'node:crypto';
import {
  type ActualTable,
  type ActualVirtualServer,
  realServerKey,
  type TableRealServer,
  tableKeyText,
  tunnelOf,
} from '../model/ipvs-table.ts';
import { SERVICE_FLAG } from '../model/service-flags.ts';
import { atOnce, eachOf, mapped, type Steps } from '../model/steps.ts';
import { isOrdered } from './settings.ts';

/** SHA-256 in hexadecimal. */
export const digestOf = (entries: ActualTable): string => atOnce(digestSteps(entries));

export function* digestSteps(entries: ActualTable): Steps<string> {
  const lines = [...(yield* mapped(entries, entryLine))].sort();
  const hash = createHash('sha256');
  yield* eachOf(lines, (line, i) => {
    hash.update(i === 0 ? line : `\n${line}`);
  });
  return hash.digest('hex');
}

function entryLine({ key, settings, realServers }: ActualVirtualServer): string {
  const { scheduler, flags, timeout, granularity, engine } = settings;
  const servers = realServers.map(serverLine);
  return JSON.stringify([
    tableKeyText(key),
    [scheduler, flags & ~SERVICE_FLAG.hashed, timeout, timeout === 0 ? 0 : granularity, engine],
    isOrdered(settings) ? servers : servers.sort(),
  ]);
}

function serverLine(server: TableRealServer): string {
  const { kind, port, checksum } = tunnelOf(server);
  const { forwarding, weight, upperThreshold, lowerThreshold } = server;
  return [
    realServerKey(server),
    forwarding,
    weight,
    upperThreshold,
    lowerThreshold,
    kind,
    port,
    checksum,
  ].join(' ');
}
