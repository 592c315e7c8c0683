import { err } from '@menagerie/core'
import type { JournalError } from '../journal/types.ts'
import type { ConversationError } from './conversation-api.ts'

/** A refusal of the journal in the conversation's words. */
export function fail(error: JournalError): { ok: false; error: ConversationError } {
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
