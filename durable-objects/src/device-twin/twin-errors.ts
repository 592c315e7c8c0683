import type { PatchFault } from './document/twin-document.ts'
import type { DeviceTwinError } from './twin-types.ts'

/** A patch that cannot be merged, in the words of the caller's body. */
export const invalidPatch = ({ detail }: PatchFault): DeviceTwinError => ({
  code: 'validation_failed',
  pointer: '/desired',
  detail,
})

/** What a socket is told. */
export const details: Record<DeviceTwinError['code'], string> = {
  not_found: 'There is no such device',
  forbidden: 'This needs the permission devices:write',
  conflict: 'The device exists',
  version_conflict: 'The twin has another version',
  precondition_failed: 'The twin has another version',
  idempotency_mismatch: 'The id was used for another frame',
  payload_too_large: 'The frame is too large',
  validation_failed: 'The patch is not valid',
  command_not_found: 'There is no such command',
  command_ended: 'The command has ended',
  too_many_requests: 'As many commands as a device may have are under way',
  overloaded: 'Try again in a moment',
  storage_full: 'The device cannot keep more',
}
