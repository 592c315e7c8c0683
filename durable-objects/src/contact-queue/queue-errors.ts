import { err } from '@menagerie/core'
import type { JournalError } from '../journal/index.ts'
import type { ContactQueueError } from './queue-types.ts'

/** A refusal of the journal in the queue's words. */
export function fail(error: JournalError): { ok: false; error: ContactQueueError } {
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
