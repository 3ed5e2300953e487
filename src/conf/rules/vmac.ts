/** The devices of virtual Ethernet addresses: one name, one device. */
import { usualVmacDevice } from '../convert/virtual-router.ts';
import { errorAt, type Finding } from '../finding.ts';
import { type ConfigDraft, duplicates, type VirtualRouterDraft, virtualRoutersOf } from './draft.ts';

/** undefined: none is used, or its name could not be read. */
export function vmacDeviceOf({ vmac, vrid }: VirtualRouterDraft): string | undefined {
  if (vmac === undefined || vmac === false) return undefined;
  const usual = vrid === undefined ? undefined : usualVmacDevice(vrid);
  if (vmac === true) return usual;
  return 'device' in vmac ? vmac.device : usual;
}

export function vmacFindings(draft: ConfigDraft): readonly Finding[] {
  const routers = virtualRoutersOf(draft);
  const own = new Map(routers.map(({ name, value }) => [value.interface, name]));
  return [
    ...routers.flatMap(({ path, value }) => {
      const device = vmacDeviceOf(value);
      const user = own.get(device);
      if (device === undefined || user === undefined) return [];
      const message = `${device} is the interface of virtual router "${user}": give another name, vipward makes the device itself`;
      return [errorAt([...path, 'vmac'], message)];
    }),
    ...duplicates(
      routers,
      ({ value }) => vmacDeviceOf(value),
      ({ path, value }, first) =>
        errorAt(
          [...path, 'vmac'],
          `${vmacDeviceOf(value)} is the device of virtual router "${first.name}" already: write vmac: { device: … } with another name`,
        ),
    ),
  ];
}
