import { err } from '@menagerie/core'
import type { JournalError } from '../journal/types.ts'
import type { MailboxError } from './mailbox-types.ts'

/** A refusal of the journal in the mailbox's words. */
export function fail(error: JournalError): { ok: false; error: MailboxError } {
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
