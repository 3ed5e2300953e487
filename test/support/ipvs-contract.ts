/**
 * What every IPVS table does: run against the fake in the unit tests and against the kernel's own in the lab. Each case
 * starts with an empty table, on a machine where 10.1.1.1/24 and fd00::1/64 are addresses of a link and lo is up.
 */
import { BATCH_CASES, REAL_SERVER_CASES } from './ipvs-contract-real-servers.ts';
import type { ContractCase } from './ipvs-contract-tools.ts';
import { VIRTUAL_SERVER_CASES } from './ipvs-contract-virtual-servers.ts';
import { WHOLE_TABLE_CASES } from './ipvs-contract-whole-table.ts';

export { type ContractCase, PLAIN, real, tcp } from './ipvs-contract-tools.ts';

export const IPVS_CONTRACT: readonly ContractCase[] = [
  ...VIRTUAL_SERVER_CASES,
  ...REAL_SERVER_CASES,
  ...BATCH_CASES,
  ...WHOLE_TABLE_CASES,
];
