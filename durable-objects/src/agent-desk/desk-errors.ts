import { err } from '@menagerie/core'
import type { JournalError } from '../journal/index.ts'
import type { AgentDeskError } from './desk-types.ts'

/** A refusal of the journal in the desk's words. */
export function fail(error: JournalError): { ok: false; error: AgentDeskError } {
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
