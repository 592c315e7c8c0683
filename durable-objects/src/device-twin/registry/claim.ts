import type { Principal } from '@menagerie/core'
import type { DeviceState, Happening } from '../device-state.ts'

/** A code by which another account may take the device over. */
export interface Claim {
  /** SHA-256 of the code, hex. */
  hash: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** One code at a time: an earlier one ends. */
export const offerClaim = (state: DeviceState, claim: Claim): DeviceState => ({ ...state, claim })

/** The device as the principal's own, its code used up; `undefined` when it has no such code now. */
export function claimDevice(
  { claim, ...state }: DeviceState,
  { kind, id }: Pick<Principal, 'kind' | 'id'>,
  hash: string,
  now: number,
): { state: DeviceState; happenings: Happening[] } | undefined {
  if (kind !== 'user' || claim?.hash !== hash || claim.expiresAt <= now) return undefined
  const previousOwnerId = state.details.ownerId
  // Who owns it takes nothing over, and the code stays good for whom it was made for.
  if (previousOwnerId === id) return { state: { ...state, claim }, happenings: [] }
  return {
    state: { ...state, details: { ...state.details, ownerId: id } },
    happenings: [{ type: 'device.claimed', data: { ownerId: id, previousOwnerId } }],
  }
}
