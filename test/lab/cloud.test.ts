/** What takes IPVS and nftables together, in one boot of the kernel that has both. */
import { afterAll, beforeAll } from 'vitest';
import './cloud-accept-cases.ts';
import './cloud-daemon-cases.ts';
import './cloud-failover-cases.ts';
import './cloud-packet-rules-cases.ts';
import { closeStage, setStage } from './cloud-stage.ts';

beforeAll(setStage);
afterAll(closeStage);
