/** owner.ts KIND: makes a lab with a running kernel, says what it consists of, and waits to be killed (see substrate.test.ts). */
import { Lab } from './lab.ts';

const lab = await Lab.create();
const lan = await lab.addSwitch('lan');
const host = await lab.addHost('host', { ports: [{ on: lan, addresses: ['10.9.0.1/24'] }] });
const kind = process.argv[2] === 'cloud' ? 'cloud' : 'user-mode';
const kernel = await lab.addKernel('kernel', { kind, ports: [{ on: lan, addresses: ['10.9.0.2/24'] }] });
await kernel.boot();
await host.spawn('sleep 1000');
const room = await lab.switchRoom();
const pids = await lab.machine.run(`ip netns pids ${room.namespace}; ip netns pids ${host.namespace}`);
const description = { prefix: lab.prefix, scratch: lab.scratch, pids: pids.trim().split('\n').map(Number) };
process.stdout.write(`${JSON.stringify(description)}\n`);
setInterval(() => undefined, 1_000_000);
