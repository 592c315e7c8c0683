export { DeviceTwin } from './device-twin.ts'
export { patchFault } from './twin-document.ts'
export { invalidPatch } from './twin-errors.ts'
export type * from './twin-types.ts'
