/** Does to a world what a scenario says. */
import { type Fault, nameOf } from './setting.ts';
import type { World } from './world.ts';

export function inflict(world: World, fault: Fault): void {
  world.journal?.say(describeFault(fault));
  if (onNetwork(world, fault)) return;
  if ('director' in fault) onMachine(world, fault);
  else if (fault.fault === 'etcd') world.etcd.up = fault.up;
  else if (fault.fault === 'fence-agent') world.fenceAgent = fault.does;
  world.note();
}

/** Whether it was one of those. */
function onNetwork(world: World, fault: Fault): boolean {
  const { wire } = world;
  switch (fault.fault) {
    case 'cut':
      wire.cut(fault.network, fault.from, fault.to);
      break;
    case 'heal':
      wire.heal(fault.network, fault.from, fault.to);
      break;
    case 'partition':
      wire.partition(fault.side);
      break;
    case 'heal-all':
      wire.healAll();
      break;
    case 'loss':
      wire.condition(fault.network).loss = fault.rate;
      break;
    case 'duplicates':
      wire.condition(fault.network).duplicates = fault.rate;
      break;
    case 'jitter':
      wire.condition(fault.network).jitter = fault.most;
      break;
    case 'link':
      wire.setLink(fault.director, fault.network, fault.up);
      break;
    default:
      return false;
  }
  world.wireChanged();
  if (fault.fault === 'link') world.machines[fault.director]?.linkChanged();
  return true;
}

function onMachine(world: World, fault: Extract<Fault, { director: number }>): void {
  const machine = world.machines[fault.director];
  if (machine === undefined) return;
  switch (fault.fault) {
    case 'kill':
      machine.kill(fault.extent);
      break;
    case 'start':
      machine.start();
      break;
    case 'stop':
      machine.tell({ type: 'stop', reason: 'stopped' });
      break;
    case 'pause':
      machine.pause(fault.extent);
      break;
    case 'continue':
      machine.continue(fault.jump);
      break;
    case 'track':
      machine.track(fault.name, fault.up);
      break;
    case 'reload': {
      const routers = machine.setting.routers.map((router) => ({ ...router, priority: fault.priority }));
      machine.reload({ ...machine.setting, routers });
      break;
    }
    case 'handover':
      handOver(world, fault);
      break;
    case 'restore':
      machine.setStandby([]);
      machine.tell({ type: 'restore', names: [] });
      break;
    case 'remove-addresses':
      machine.removeAddresses();
      break;
    case 'busy':
      machine.lateness = fault.most;
      break;
    case 'etcd-of':
      machine.etcdReachable = fault.up;
      break;
    case 'link':
      break;
    default:
      fault satisfies never;
  }
}

function handOver(world: World, { director, stayDown }: Extract<Fault, { fault: 'handover' }>): void {
  const machine = world.machines[director];
  if (machine === undefined || !machine.runs) return;
  const id = world.askForHandover(director);
  if (stayDown) machine.setStandby(machine.setting.routers.map(({ name }) => name));
  machine.tell({ type: 'handover', id, names: [], stayDown });
}

export function describeFault(fault: Fault): string {
  const { at: _at, fault: name, ...rest } = fault;
  const texts = Object.entries(rest).map(([key, value]) => {
    if (key === 'director' || key === 'from' || key === 'to') return `${key} ${nameOf(Number(value))}`;
    return `${key} ${Array.isArray(value) ? value.map(nameOf).join('') : value}`;
  });
  return [`*** ${name}`, ...texts].join(', ');
}
