import type { Account, FindAccount } from 'oidc-provider'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { notes } from './request-notes.ts'

/** Claims by scope (OpenID Connect Core §5.4); those of `openid` that are not the standard's are Keycloak's. */
export const claimsByScope = {
  openid: ['sub', 'typ', 'azp', 'sid', 'session_state', 'acr', 'amr', 'auth_time'],
  profile: ['name', 'preferred_username', 'locale', 'zoneinfo'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
} as const

/** Accounts as the engine sees them. One that was disabled is none. */
export const findAccount =
  (env: Env): FindAccount =>
  async (_ctx, id, token): Promise<Account | undefined> => {
    const user = await findUser(env.DB, id)
    if (user === undefined || user.status === 'disabled') return undefined
    notes().user = user
    return {
      accountId: user.id,
      claims: async (use) => ({
        ...claimsOf(user),
        ...(use === 'id_token' ? sessionClaims(token) : {}),
      }),
    }
  }

const claimsOf = (user: UserRow) => ({
  sub: user.id,
  name: user.displayName ?? undefined,
  preferred_username: user.username,
  locale: user.locale ?? undefined,
  zoneinfo: user.timeZone ?? undefined,
  ...(user.email === null ? {} : { email: user.email, email_verified: user.emailVerified }),
  ...(user.phoneNumber === null
    ? {}
    : { phone_number: user.phoneNumber, phone_number_verified: user.phoneNumberVerified }),
})

/** What Keycloak's adapters look for in an ID token beside the standard's claims. */
const sessionClaims = (source: { grantId?: unknown; clientId?: unknown } | undefined) => ({
  typ: 'ID',
  azp: source?.clientId,
  sid: source?.grantId,
  session_state: source?.grantId,
})
