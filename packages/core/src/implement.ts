import type { RoutePolicy } from '@menagerie/contracts/routes'
import type { AppEnv } from './app.ts'
import { AppError } from './app-error.ts'
import { guard } from './auth/guard.ts'
import type { TokenVerifier } from './auth/verifier.ts'
import type { Principal } from './principal.ts'

/**
 * The declared route with its guard in front, for `app.openapi(guarded(route), handler)`: the guard comes before the
 * checks of the body, so that nobody learns what a route takes without the right to call it.
 *
 * @example
 * const guarded = guardRoutes(verifierFor('accounts'))
 * app.openapi(guarded(users.profile), (c) => …)
 */
export function guardRoutes(
  verifier: (env: object) => TokenVerifier,
): <R extends { policy: RoutePolicy }>(route: R) => R {
  // Not in the type: the handler's context is the app's own, whatever stands in front.
  return (route) => ({ ...route, middleware: guard(verifier, route.policy) })
}

/** The principal a guard has put into the context. */
export function principalOf(c: { readonly var: Readonly<AppEnv['Variables']> }): Principal {
  const principal = c.var.principal
  if (!principal)
    throw new AppError('unauthorized', 'Send an access token: Authorization: Bearer <token>')
  return principal
}
