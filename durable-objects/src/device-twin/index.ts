export { DeviceTwin } from './device-twin.ts'
export type * from './twin-types.ts'
