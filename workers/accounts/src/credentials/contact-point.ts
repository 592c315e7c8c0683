import { type Identifier, normaliseEmail, normalisePhoneNumber } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import type { CodeChannel } from './codes.ts'

/** A number or an address, as accounts keep it. */
export interface Contact {
  channel: CodeChannel
  value: string
}

/** The one number or address of a request. @throws AppError `validation_failed` */
export function contactOf(body: {
  phoneNumber?: string | undefined
  email?: string | undefined
}): Contact {
  if ((body.phoneNumber === undefined) === (body.email === undefined))
    throw invalidField('', 'invalid', 'give exactly one of phoneNumber and email')
  if (body.email !== undefined) return { channel: 'email', value: normaliseEmail(body.email) }
  const value = normalisePhoneNumber(body.phoneNumber ?? '')
  if (value === undefined)
    throw invalidField('/phoneNumber', 'invalid', 'is no number of any numbering plan')
  return { channel: 'sms', value }
}

/** What finds the account with this number or address. */
export const identifierOfContact = ({ channel, value }: Contact): Identifier => ({
  column: channel === 'sms' ? 'phone_number' : 'email',
  value,
})
