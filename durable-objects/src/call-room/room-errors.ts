import { err } from '@menagerie/core'
import type { JournalError } from '../journal/index.ts'
import type { CallRoomError } from './room-types.ts'

/** A refusal of the journal in the room's words. */
export function fail(error: JournalError): { ok: false; error: CallRoomError } {
  switch (error.code) {
    case 'not_found':
    case 'idempotency_mismatch':
      return err({ code: error.code })
    case 'payload_too_large':
      return err({ code: error.code })
    case 'storage_full':
    case 'overloaded':
      return err(error)
  }
}
