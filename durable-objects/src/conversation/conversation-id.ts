import type { MessageChannel } from '@menagerie/contracts'
import { idFromKey } from '@menagerie/core'

/** The account behind a chat's customer; `undefined` for any other address. */
export const accountOf = (customer: string): string | undefined =>
  /^user:([0-9a-f-]{36})$/.exec(customer)?.[1]

export const chatCustomer = (userId: string): string => `user:${userId}`

/** An address in the one form that names a thread: e-mail in lower case, without the carrier's `whatsapp:`. */
export function normalisedCustomer(address: string): string {
  const bare = address.trim().replace(/^whatsapp:/i, '')
  return bare.includes('@') ? bare.toLowerCase() : bare
}

/** The conversation of a customer on a channel: the same address always leads to the same thread. */
export const conversationIdOf = (channel: MessageChannel, customer: string): Promise<string> =>
  idFromKey('conversation', channel, normalisedCustomer(customer))
