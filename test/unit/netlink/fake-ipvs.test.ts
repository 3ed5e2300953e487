import { describe, it } from 'vitest';
import { FakeIpvs } from '../../support/fake-ipvs.ts';
import { IPVS_CONTRACT } from '../../support/ipvs-contract.ts';

describe('the fake IPVS table keeps the contract', () => {
  for (const { name, run } of IPVS_CONTRACT) it(name, () => run(new FakeIpvs()));
});
