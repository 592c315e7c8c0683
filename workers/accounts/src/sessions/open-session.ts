import type { AuthenticationMethod } from '@menagerie/contracts'
import { AppError, clockOf, newId } from '@menagerie/core'
import type { SessionGrant } from '@menagerie/durable-objects/user-sessions'
import type { Env } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { sessionError } from '../sign-in/session-error.ts'
import { SCOPE } from '../tokens/access-token.ts'
import { acrOf } from './acr-of.ts'

export interface SessionOpening {
  user: UserRow
  clientId: string
  deviceName: string | null
  /** How the user showed who they are. */
  methods: AuthenticationMethod[]
  /** Separated by spaces; that of a first-party sign-in unless given. */
  scope?: string
  /** A fresh id unless given; the same one again gives the same grant. */
  sid?: string
  /** When the user showed who they are, milliseconds since the epoch; now unless given. */
  authenticatedAt?: number
  /** Whether there are refresh tokens; there are unless told otherwise. */
  refreshable?: boolean
  /** How long the session lasts; `REFRESH_TOKEN_SECONDS` unless given. */
  lifetimeMs?: number
  traceparent: string
}

/**
 * The one place that opens sessions of users. Their owner tells of it in the same transaction. The account is read again
 * once the session stands: whoever disables it or takes roles away ends sessions after that change, so one of the two
 * sees the other.
 *
 * @throws AppError `invalid_credentials` for an account that is not active any more, or whose password is another one;
 *   `unavailable` when its roles changed just now
 */
export async function openSession(env: Env, opening: SessionOpening): Promise<SessionGrant> {
  const { user, clientId, deviceName, methods, traceparent, refreshable, lifetimeMs } = opening
  const acr = acrOf(methods)
  const at = opening.authenticatedAt ?? clockOf(env).now()
  const owner = env.USER_SESSIONS.getByName(user.id)
  const grant = await owner.open(
    {
      userId: user.id,
      sid: opening.sid ?? newId(),
      clientId,
      deviceName,
      acr,
      methods,
      scope: opening.scope ?? SCOPE,
      secondFactorAt: acr === '2' ? at : null,
      refreshable: refreshable ?? true,
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    },
    traceparent,
  )
  if (!grant.ok) throw sessionError(grant.error)
  const refusal = changed(user, await findUser(env.DB, user.id), methods)
  if (refusal === undefined) return grant.value
  const ended = await owner.revoke('system', grant.value.sid, 'revoked', traceparent)
  if (!ended.ok) throw sessionError(ended.error)
  throw refusal
}

/** What has changed of an account since its user showed who they are, when that matters. */
function changed(
  before: UserRow,
  now: UserRow | undefined,
  methods: AuthenticationMethod[],
): AppError | undefined {
  const replaced = methods.includes('pwd') && now?.passwordChangedAt !== before.passwordChangedAt
  if (now === undefined || now.status === 'disabled' || replaced)
    return new AppError('invalid_credentials', 'The name or the password is wrong')
  if (now.roles.join() !== before.roles.join())
    return new AppError('unavailable', 'The account changed just now; try again', {
      retryAfterSeconds: 1,
    })
  return undefined
}
