import { err } from '@menagerie/core'
import type { JournalError } from '../journal/types.ts'

/** What every object with a journal may answer for its journal. */
export type JournalRefusal =
  | { code: 'not_found' }
  | { code: 'idempotency_mismatch' }
  | { code: 'payload_too_large' }
  | { code: 'overloaded' | 'storage_full'; retryAfterSeconds: number }

/** A refusal of the journal in its object's words: what only the journal's caller can mend stays inside. */
export function fail(error: JournalError): { ok: false; error: JournalRefusal } {
  switch (error.code) {
    case 'not_found':
    case 'idempotency_mismatch':
    case 'payload_too_large':
      return err({ code: error.code })
    case 'storage_full':
    case 'overloaded':
      return err(error)
  }
}
