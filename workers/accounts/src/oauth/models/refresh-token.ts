import { clockOf, issuerOf } from '@menagerie/core'
import type { Provider, RefreshToken } from 'oidc-provider'
import { type Env, settingsOf } from '../../context.ts'
import { refreshTokenKeyOf } from '../../deployment.ts'
import { mintRefreshToken } from '../../sessions/tokens.ts'
import { type RefreshTokenClaims, readRefreshToken } from '../../tokens/refresh-token.ts'
import { endGrant } from '../end-grant.ts'
import { signInDetails } from '../exchange.ts'
import { temporarilyUnavailable, toOAuthError } from '../refusals.ts'
import { currentContext, notes, traceparentOf } from '../request-notes.ts'
import { engineSeconds, unmarkToken } from '../verify-token.ts'
import { instantiate, modelOf } from './model.ts'

/**
 * Refresh tokens are our JWTs of a session's family, and the owner of sessions rotates them: in one step, with the same
 * successor for repeats within ten seconds, and with the end of the family for a later one.
 */
export function overrideRefreshToken(provider: Provider, env: Env): void {
  const model = modelOf<RefreshToken>(provider.RefreshToken)

  model.find = async (value) => {
    const claims = await read(env, unmarkToken(value))
    if (claims === undefined) return undefined
    const { sub, sid, jti, azp } = claims
    const { oidc } = currentContext()
    const known = notes()
    known.owners.set(sid, sub)
    // Somebody else's token: it has leaked, so nobody may go on with it (S22).
    if (oidc.route === 'token' && oidc.client !== undefined && oidc.client.clientId !== azp) {
      await endGrant(env, sub, sid, 'refresh_reuse', traceparentOf(currentContext()))
      return undefined
    }
    const [found, details] = await Promise.all([
      env.USER_SESSIONS.getByName(sub).peek({ sid, jti }),
      signInDetails(env, sid),
    ])
    if (!found.ok) {
      if (found.error.code === 'invalid_grant' || found.error.code === 'not_found') return undefined
      throw temporarilyUnavailable(found.error)
    }
    const session = found.value
    known.grants.set(sid, { accountId: sub, clientId: azp, scope: session.scope })
    return instantiate(provider.RefreshToken, {
      authTime: Math.floor(session.createdAt / 1000),
      amr: session.methods,
      ...details,
      acr: session.acr,
      kind: 'RefreshToken',
      jti,
      iat: engineSeconds(env, claims.iat),
      iiat: engineSeconds(env, Math.floor(session.createdAt / 1000)),
      exp: engineSeconds(env, claims.exp),
      accountId: sub,
      clientId: azp,
      grantId: sid,
      sid,
      gty: 'authorization_code',
      scope: session.scope,
      ...(session.spent === 'reused' ? { consumed: true } : {}),
    })
  }

  model.prototype.consume = async function () {
    const token = { sid: this.grantId ?? '', jti: this.jti }
    const sessions = env.USER_SESSIONS.getByName(this.accountId)
    const rotated = await sessions.rotate(token, traceparentOf(currentContext()))
    if (!rotated.ok) throw toOAuthError(rotated.error)
    notes().session = rotated.value
  }

  model.prototype.getValueAndPayload = async function () {
    const { session } = notes()
    if (session === undefined) throw new Error('A refresh token belongs to a session')
    const value = await mintRefreshToken(env, this.accountId, session)
    return { value, payload: undefined }
  }

  // Who asks for it ends the whole grant beside.
  model.prototype.destroy = async () => {}
  model.revokeByGrantId = async () => {}
}

async function read(env: Env, token: string): Promise<RefreshTokenClaims | undefined> {
  const claims = await readRefreshToken(
    token,
    await refreshTokenKeyOf(env),
    issuerOf(settingsOf(env)),
    clockOf(env).now(),
  )
  return claims.ok ? claims.value : undefined
}
