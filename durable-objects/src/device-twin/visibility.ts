import type { Principal } from '@menagerie/core'
import type { DeviceState } from './device-state.ts'

/** Own devices, or every device with `devices:read`. Everybody else learns nothing, not even that the device exists. */
export const maySee = (principal: Principal, state: DeviceState): boolean =>
  principal.kind !== 'service' &&
  (isOwner(principal, state) || principal.permissions.includes('devices:read'))

/** Owners change their own devices; on others' it takes the right to write beside the right to see. */
export const mayWrite = (principal: Principal, state: DeviceState): boolean =>
  isOwner(principal, state) ||
  (maySee(principal, state) && principal.permissions.includes('devices:write'))

/** Everybody may have devices; another account's are made with `devices:write`. */
export const mayCreate = (principal: Principal, ownerId: string): boolean =>
  principal.kind !== 'service' &&
  ((principal.kind === 'user' && principal.id === ownerId) ||
    principal.permissions.includes('devices:write'))

const isOwner = (principal: Principal, { details }: DeviceState): boolean =>
  principal.kind === 'user' && details.ownerId === principal.id
