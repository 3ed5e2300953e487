/** Two directors, each with a kernel of its own, a real server and a client, on one switch. */
import type { Kernel } from './support/kernel.ts';
import { Lab } from './support/lab.ts';
import type { Node } from './support/node.ts';

export interface SyncStage {
  readonly lab: Lab;
  /** 10.1.1.10 and 10.1.1.11. */
  readonly one: Kernel;
  readonly two: Kernel;
  /** 10.1.1.100. */
  readonly client: Node;
  /** 10.1.1.2. */
  readonly web: Node;
}

/** `onLab`: told of the lab at once, so that it can be closed whatever becomes of the rest. */
export async function createSyncStage(onLab: (lab: Lab) => void): Promise<SyncStage> {
  const lab = await Lab.create();
  onLab(lab);
  const lan = await lab.addSwitch('lan');
  const client = await lab.addHost('client', { ports: [{ on: lan, addresses: ['10.1.1.100/24'] }] });
  const web = await lab.addHost('web', { ports: [{ on: lan, addresses: ['10.1.1.2/24'] }] });
  const one = await lab.addKernel('lvs1', { ports: [{ on: lan, addresses: ['10.1.1.10/24'] }], memory: 256 });
  const two = await lab.addKernel('lvs2', { ports: [{ on: lan, addresses: ['10.1.1.11/24'] }], memory: 256 });
  await Promise.all([one.boot(), two.boot()]);
  return { lab, one, two, client, web };
}
