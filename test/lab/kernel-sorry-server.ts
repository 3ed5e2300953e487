/** Makes 10.1.1.254:80 a virtual server whose only real server is this director, by its loopback address. */
import { openIpvs } from '../../src/kernel/ipvs.ts';
import { PLAIN, real, tcp } from '../support/ipvs-contract.ts';

const ipvs = openIpvs();
const key = tcp('10.1.1.254', 80);
ipvs.apply(ipvs.dump().map((server) => ({ op: 'remove-virtual-server' as const, key: server.key })));
const outcomes = ipvs.apply([
  { op: 'add-virtual-server', key, settings: PLAIN },
  { op: 'add-real-server', key, realServer: real('127.0.0.1', 80, { forwarding: 'local' }) },
]);
for (const { error } of outcomes) if (error !== undefined) throw error;
ipvs.close();
