import { type Env, settingsOf } from '../../context.ts'
import { invalidField } from '../../invalid-field.ts'
import { isCommon } from './common.ts'

/** Whose password it is to be: nothing of theirs may be in it. */
export interface PasswordOwner {
  username?: string | null
  phoneNumber?: string | null
  email?: string | null
  displayName?: string | null
}

export interface NewPassword {
  password: string
  user?: PasswordOwner
  hasSecondFactor: boolean
  /** RFC 6901, into the body. */
  pointer?: string
}

/** Shorter words are in many a good password by accident. */
const SHORTEST_WORD = 4
const SERVICE_NAME = 'menagerie'

/**
 * Refuses a password that is too short, common, or made of the service's or its owner's names (NIST SP 800-63B-4
 * §3.1.1.2). Nothing else is asked of it: spaces and every script are welcome, in the bytes they come in, since what is
 * typed at a sign-in comes in the same.
 *
 * @throws AppError `validation_failed`
 */
export async function assertPasswordAllowed(env: Env, asked: NewPassword): Promise<void> {
  const { password, user = {}, hasSecondFactor, pointer = '/password' } = asked
  const refuse = (code: string, detail: string) => invalidField(pointer, code, detail)
  const settings = settingsOf(env)
  const least = Number(
    hasSecondFactor
      ? settings.PASSWORD_MIN_LENGTH_WITH_SECOND_FACTOR
      : settings.PASSWORD_MIN_LENGTH,
  )
  if ([...password].length < least)
    throw refuse('too_short', `must have at least ${least} characters`)
  // bcrypt reads 72 bytes: what is longer would be cut.
  if (new TextEncoder().encode(password).length > 72)
    throw refuse('too_long', 'must have at most 72 bytes')
  if (!password.isWellFormed())
    throw refuse('invalid', 'must be Unicode text without lone surrogates')
  // To bcrypt, which reads a password over and over with a NUL between, `a` and `a\0a` are one.
  if (password.includes('\0')) throw refuse('invalid', 'must not contain NUL')
  const text = password.toLowerCase()
  if ([SERVICE_NAME, settings.REALM.toLowerCase()].some((name) => text.includes(name)))
    throw refuse('contains_service_name', 'must not contain the name of this service')
  if (wordsOf(user).some((word) => text.includes(word)))
    throw refuse('contains_own_name', 'must not contain your name, number or address')
  if (await isCommon(password))
    throw refuse('common', 'is one of the passwords that are tried first; choose another')
}

/** The owner's names in lower case, and their number without its plus. */
function wordsOf({ username, phoneNumber, email, displayName }: PasswordOwner): string[] {
  const names = [username, email, phoneNumber].filter((name) => name != null)
  return [
    ...names.map((name) => (name.startsWith('+') ? name.slice(1) : (name.split('@')[0] ?? ''))),
    ...(displayName ?? '').split(/\s+/),
  ]
    .map((word) => word.toLowerCase())
    .filter((word) => word.length >= SHORTEST_WORD)
}
