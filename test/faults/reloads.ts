/** Faults by configuration: both programs read their file again at SIGHUP. */
import { VIP, VRID, WEB } from './configuration.ts';
import type { Fault } from './fault.ts';

const missingInterface: Fault = {
  name: 'reload-missing-interface',
  title:
    'the active director reloads a file in which a second virtual router names an interface that is not there',
  lasts: 12,
  prepare: async (stage) => async () => {
    const late = { name: 'late', interface: 'eth7', vrid: 77, addresses: ['10.9.9.254'] };
    await stage.reload({ routers: [WEB, late] }, ['a']);
    return undefined;
  },
};

const changedVrid: Fault = {
  name: 'reload-vrid',
  title: 'both directors reload a file with another VRID, at the same time',
  lasts: 12,
  prepare: async (stage) => async () => {
    await stage.reload({ routers: [{ ...WEB, vrid: VRID + 1 }] });
    return undefined;
  },
};

const SECOND_VIP = '10.1.1.253';
const THIRD_VIP = '10.1.1.252';
const other = (...addresses: string[]) => ({ name: 'other', interface: 'eth0', vrid: VRID + 2, addresses });

const movedVip: Fault = {
  name: 'reload-move-vip',
  title: 'both directors reload a file in which the VIP has moved to the other virtual router',
  plan: { routers: [{ ...WEB, addresses: [THIRD_VIP, VIP] }, other(SECOND_VIP)] },
  lasts: 12,
  prepare: async (stage) => async () => {
    await stage.reload({ routers: [{ ...WEB, addresses: [THIRD_VIP] }, other(SECOND_VIP, VIP)] });
    return undefined;
  },
};

export const reloadFaults: readonly Fault[] = [missingInterface, changedVrid, movedVip];
