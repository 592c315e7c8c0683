import type { Profile, UserDetail } from '@menagerie/contracts'
import type { Env } from '../context.ts'
import { type Factors, factorsOf, hasSecondFactor, methodsOf } from '../credentials/factors.ts'
import type { UserRow } from '../db/schema.ts'
import { toUser } from '../db/users.ts'
import { permissionsFor } from '../roles/permissions-for.ts'

/** An account as its owner sees it. */
export async function profileOf(
  env: Env,
  user: UserRow,
  factors: Factors | Promise<Factors> = factorsOf(env.DB, user.id),
): Promise<Profile> {
  const { status: _status, ...shown } = toUser(user)
  return { ...shown, ...(await abilitiesOf(env, user, factors)) }
}

/** An account as an administrator sees it. */
export async function userDetail(env: Env, user: UserRow): Promise<UserDetail> {
  const [abilities, sessions] = await Promise.all([
    abilitiesOf(env, user, factorsOf(env.DB, user.id)),
    env.USER_SESSIONS.getByName(user.id).list(),
  ])
  return { ...toUser(user), ...abilities, sessions: sessions.length }
}

/** What an account may do, and what it has set up to show besides a password; `sms` and `email` reach a verified contact. */
async function abilitiesOf(env: Env, user: UserRow, known: Factors | Promise<Factors>) {
  const [permissions, factors] = await Promise.all([permissionsFor(env, user.roles), known])
  const enabled = hasSecondFactor(factors)
  return { permissions, mfa: { enabled, methods: enabled ? methodsOf(user, factors) : [] } }
}
