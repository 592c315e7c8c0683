import type { Principal, Result } from '@menagerie/core'
import type { Journal } from '../journal/journal.ts'
import type { JournalStorage } from '../journal/types.ts'
import type { DeviceState } from './device-state.ts'
import type { Contact } from './intake/ledger.ts'
import type { DeviceTwinError } from './twin-types.ts'

/** What the parts of a twin ask of it. */
export interface TwinHost {
  journal: () => Pick<Journal<DeviceState>, 'exists' | 'state' | 'create' | 'apply' | 'sockets'>
  exec: JournalStorage['exec']
  now: () => number
  /** When the device was last heard of, and the link to it. */
  contact: () => Contact
  /** The twin for who may see it, else `not_found`. */
  visible: (principal: Principal) => Result<DeviceState, DeviceTwinError>
  /** The twin for who may change it: `not_found` where it may not even see it, else `forbidden`. */
  writable: (principal: Principal) => Result<DeviceState, DeviceTwinError>
  /** Deletes what the device sent and was sent; runs inside a transaction. */
  clear: () => void
}
