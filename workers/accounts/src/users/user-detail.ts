import type { Profile, UserDetail } from '@menagerie/contracts'
import type { Env } from '../context.ts'
import { factorsOf, hasSecondFactor, methodsOf } from '../credentials/factors.ts'
import type { UserRow } from '../db/schema.ts'
import { toUser } from '../db/users.ts'
import { permissionsFor } from '../roles/permissions-for.ts'

/** An account as its owner sees it. */
export async function profileOf(env: Env, user: UserRow): Promise<Profile> {
  const { status: _status, ...shown } = toUser(user)
  return { ...shown, ...(await abilitiesOf(env, user)) }
}

/** An account as an administrator sees it. */
export async function userDetail(env: Env, user: UserRow): Promise<UserDetail> {
  const [abilities, sessions] = await Promise.all([
    abilitiesOf(env, user),
    env.USER_SESSIONS.getByName(user.id).list(),
  ])
  return { ...toUser(user), ...abilities, sessions: sessions.length }
}

/** What an account may do, and what it has set up to show besides a password; `sms` and `email` reach a verified contact. */
async function abilitiesOf(env: Env, user: UserRow) {
  const [permissions, factors] = await Promise.all([
    permissionsFor(env, user.roles),
    factorsOf(env.DB, user.id),
  ])
  const enabled = hasSecondFactor(factors)
  return { permissions, mfa: { enabled, methods: enabled ? methodsOf(user, factors) : [] } }
}
