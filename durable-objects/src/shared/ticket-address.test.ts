import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ticketAddress, userOfTicket } from './ticket-address.ts'

test('an object of a user is found by its tickets, whatever follows the address', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.stringMatching(/^[\w-]{0,60}$/), (id, secret) => {
      expect(userOfTicket(ticketAddress(id) + secret)).toBe(id)
    }),
  )
  expect(userOfTicket('short')).toBeUndefined()
  expect(userOfTicket('!'.repeat(60))).toBeUndefined()
})
