import { createHash } from 'node:crypto'
import { type Principal, toTimestamp } from '@menagerie/core'
import type { Exec } from '../schema.ts'
import type { SqlRow, Ticket } from '../types.ts'

const TICKET_MS = 30_000

interface TicketRow extends SqlRow {
  principal: string
}

/** Only the hash is kept: who reads the storage cannot use what waits there. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Stores a ticket for 30 s and drops those nobody used. */
export function storeTicket(exec: Exec, token: string, principal: Principal, now: number): Ticket {
  dropLateTickets(exec, now)
  const expiresAt = now + TICKET_MS
  exec('INSERT INTO tickets VALUES (?, ?, ?)', hashOf(token), JSON.stringify(principal), expiresAt)
  return { ticket: token, expiresAt: toTimestamp(expiresAt) }
}

/** Uses a ticket up. `undefined` when it is unknown here, used, late, or its holder's token has ended. */
export function redeemTicket(exec: Exec, token: string, now: number): Principal | undefined {
  const [row] = exec<TicketRow>(
    'DELETE FROM tickets WHERE hash = ? AND expires_at > ? RETURNING principal',
    hashOf(token),
    now,
  )
  if (row === undefined) return undefined
  const principal = JSON.parse(row.principal) as Principal
  return principal.expiresAt > now ? principal : undefined
}

export function dropLateTickets(exec: Exec, now: number): void {
  exec('DELETE FROM tickets WHERE expires_at <= ?', now)
}
