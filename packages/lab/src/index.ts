export {
  type DeviceCounts,
  type DevicesOptions,
  type RunningDevices,
  startDevices,
} from './devices/devices.ts'
export type { Fault } from './inbox/faults.ts'
export type { InboxKind } from './inbox/inbox-store.ts'
export { type LabOptions, type RunningLab, startLab } from './lab.ts'
