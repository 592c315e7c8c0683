import parsePhoneNumber from 'libphonenumber-js/min'

/** What an account is found by: each column is unique. */
export type Identifier =
  | { column: 'username'; value: string }
  | { column: 'phone_number'; value: string }
  | { column: 'email'; value: string }

/** E.164 without a trunk zero or separators; `undefined` for what no numbering plan could hold. */
export function normalisePhoneNumber(text: string): string | undefined {
  const parsed = parsePhoneNumber(text)
  return parsed?.isPossible() ? parsed.number : undefined
}

/** Addresses are kept and compared in lower case: nobody has two accounts that differ by case alone. */
export const normaliseEmail = (text: string): string => text.trim().toLowerCase()

/**
 * The one identifier of a sign-in or a registration. A user name may be a phone number in any writing with a country
 * code, an e-mail address in any case, or a plain name.
 */
export function identifierOf(body: {
  username?: string | undefined
  phoneNumber?: string | undefined
  email?: string | undefined
}): Identifier {
  if (body.phoneNumber !== undefined)
    return {
      column: 'phone_number',
      value: normalisePhoneNumber(body.phoneNumber) ?? body.phoneNumber,
    }
  if (body.email !== undefined) return { column: 'email', value: normaliseEmail(body.email) }
  const name = body.username ?? ''
  const phone = name.startsWith('+') ? normalisePhoneNumber(name) : undefined
  return { column: 'username', value: phone ?? normaliseEmail(name) }
}
