import { toBase64Url } from '@menagerie/core'

/** What 16 bytes are in base64url (RFC 4648 §5) without padding. */
const PREFIX_LENGTH = 22

/**
 * What a ticket to an object of a user's own, such as a mailbox or a desk, begins with. `GET /notifications/ws` and
 * `GET /agents/me/ws` do not name the object, so the ticket must: a user's id is no secret to the user, and what
 * follows it is.
 */
export function ticketAddress(userId: string): string {
  const hex = userId.replaceAll('-', '')
  const bytes = Uint8Array.from({ length: 16 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  )
  return toBase64Url(bytes)
}

/** The user to whose object a ticket leads; `undefined` for a text that is no such ticket. */
export function userOfTicket(ticket: string): string | undefined {
  const prefix = ticket.slice(0, PREFIX_LENGTH)
  if (!/^[\w-]{22}$/.test(prefix)) return undefined
  const binary = atob(prefix.replaceAll('-', '+').replaceAll('_', '/'))
  const hex = Array.from(binary, (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join(
    '',
  )
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
