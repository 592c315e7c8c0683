import type { Permission } from '@menagerie/contracts'
import type { RoutePolicy } from '@menagerie/contracts/routes'
import type { MiddlewareHandler } from 'hono'
import type { AppEnv } from '../app.ts'
import { AppError } from '../app-error.ts'
import type { Principal } from '../principal.ts'
import type { TokenVerifier } from './verifier.ts'

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1); `undefined` when there is none. */
export function bearerToken(header: string | undefined | null): string | undefined {
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(header ?? '')
  return match?.[1]
}

/**
 * Lets in who the route's policy names and puts the principal into the context. Services call it again after the
 * gateway did: nobody trusts the way a request came.
 */
export function guard(
  verifier: (env: object) => TokenVerifier,
  policy: RoutePolicy,
): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (
      policy.access === 'bearer' ||
      (policy.access === 'socket' && c.req.header('authorization'))
    ) {
      const principal = await authenticate(verifier(c.env as object), c.req.header('authorization'))
      c.set('principal', principal)
      c.get('line').add({ user: principal.id })
      requirePermission(principal, policy.permission)
      if (policy.stepUp) requireSecondFactor(principal)
    }
    await next()
  }
}

/** @throws AppError `unauthorized`; why exactly is told to the log alone */
export async function authenticate(
  verifier: TokenVerifier,
  header: string | undefined,
): Promise<Principal> {
  const token = bearerToken(header)
  if (!token)
    throw new AppError('unauthorized', 'Send an access token: Authorization: Bearer <token>')
  const verified = await verifier.verify(token)
  if (verified.ok) return verified.value
  if (verified.error === 'unavailable') {
    throw new AppError('unavailable', 'Tokens cannot be checked now', { retryAfterSeconds: 1 })
  }
  throw new AppError('unauthorized', 'The access token is not valid; sign in or refresh it', {
    cause: verified.error,
  })
}

/** @throws AppError `forbidden` */
export function requirePermission(
  principal: Principal,
  permission: Permission | null | undefined,
): void {
  if (principal.kind === 'service' || !permission) return
  if (!principal.permissions.includes(permission)) {
    throw new AppError('forbidden', `This needs the permission ${permission}`)
  }
}

/** How long a second factor that was shown is good for critical actions. */
export const STEP_UP_SECONDS = 300

/**
 * Services know from the token that a second factor was shown; when, the gateway asks the session's owner.
 *
 * @throws AppError `step_up_required`
 */
export function requireSecondFactor(principal: Principal): void {
  if (principal.kind !== 'service' && principal.acr !== '2') throw stepUpRequired()
}

/** Tells the caller what to do: show a second factor, and come back with the access token of that answer. */
export const stepUpRequired = (): AppError =>
  new AppError(
    'step_up_required',
    'This needs a second factor shown within the last 5 minutes: POST /auth/step-up, then send the access token of its answer',
    { members: { maxAgeSeconds: STEP_UP_SECONDS } },
  )
