import { type AccessToken, errors, type Provider } from 'oidc-provider'
import { type Env, settingsOf } from '../../context.ts'
import { findUser } from '../../db/users.ts'
import { openSession } from '../../sessions/open-session.ts'
import { mintAccessToken } from '../../sessions/tokens.ts'
import { findClient } from '../clients.ts'
import { endGrant, endSession } from '../end-grant.ts'
import { keepExchange, sourceOf } from '../exchange.ts'
import { isGrantOvertaken } from '../overtaken.ts'
import { orOAuthError } from '../refusals.ts'
import { currentContext, notes, traceparentOf } from '../request-notes.ts'
import { engineSeconds, isClientToken, ownMs, readAccessToken } from '../verify-token.ts'
import { instantiate, modelOf } from './model.ts'

/**
 * Access tokens are our JWTs and nothing of them is kept: who shows one is checked by its signature, and by asking the
 * owner of its session. The session opens with the first token of a grant.
 */
export function overrideAccessToken(provider: Provider, env: Env): void {
  const model = modelOf<AccessToken>(provider.AccessToken)

  model.prototype.getValueAndPayload = async function () {
    const known = notes()
    known.session ??= await orOAuthError(open(env, this))
    // Read when the session's owner has spoken: roles that were taken away since are in no token of it.
    const user = await findUser(env.DB, this.accountId)
    if (user === undefined || user.status === 'disabled')
      throw new errors.InvalidGrant('no account')
    const clientId = this.clientId ?? ''
    const { token, claims } = await orOAuthError(
      mintAccessToken(env, {
        user,
        grant: known.session,
        scope: this.scope ?? '',
        clientId,
        firstParty: (await findClient(env, clientId))?.firstParty === true,
      }),
    )
    this.jti = claims.jti
    return { value: token, payload: undefined }
  }

  model.find = async (value) => {
    const claims = await readAccessToken(env, value)
    if (claims === undefined || isClientToken(claims)) return undefined
    const { sub, sid, azp, scope, jti } = claims
    const known = notes()
    known.owners.set(sid, sub)
    known.grants.set(sid, { accountId: sub, clientId: azp, scope })
    return instantiate(provider.AccessToken, {
      kind: 'AccessToken',
      jti,
      iat: engineSeconds(env, claims.iat),
      exp: engineSeconds(env, claims.exp),
      accountId: sub,
      clientId: azp,
      grantId: sid,
      scope,
      sid,
    })
  }

  // The engine asks it of every model of a grant; this one does it for all.
  model.revokeByGrantId = async (grantId) => {
    const owner = notes().owners.get(grantId)
    if (owner === undefined) return
    await endGrant(env, owner, grantId, reasonOf(), traceparentOf(currentContext()))
  }
  model.prototype.destroy = async () => {}
}

/** Opens the session of a code or a device code that was just used up. */
async function open(env: Env, token: AccessToken) {
  const context = currentContext()
  const { user } = notes()
  if (user === undefined) throw new Error('A session opens for an account that was found')
  const { entities } = context.oidc
  if (await isGrantOvertaken(env, user, entities.Grant))
    throw new errors.InvalidGrant('the account changed since')
  const source = sourceOf(context)
  const traceparent = traceparentOf(context)
  const refreshable = context.oidc.client?.grantTypeAllowed('refresh_token') === true
  const session = await openSession(env, {
    user,
    clientId: token.clientId ?? '',
    deviceName: null,
    methods: source.methods,
    scope: token.scope ?? '',
    sid: token.grantId,
    ...(source.authTime === undefined ? {} : { authenticatedAt: ownMs(env, source.authTime) }),
    refreshable,
    // What cannot be refreshed ends with its access token.
    ...(refreshable ? {} : { lifetimeMs: Number(settingsOf(env).ACCESS_TOKEN_SECONDS) * 1000 }),
    traceparent,
  })
  // All sessions were ended while this one opened, and it may not have been among them.
  if (await isGrantOvertaken(env, user, entities.Grant)) {
    await endSession(env, user.id, token.grantId, 'revoked', traceparent)
    throw new errors.InvalidGrant('the account changed just now')
  }
  // Somebody else has shown the code too, before this session stood: it ends, and its tokens with it (RFC 9700 §2.1.1).
  if ((await keepExchange(env, token.grantId, source)) === 'ended')
    await endSession(env, user.id, token.grantId, 'code_reuse', traceparent)
  return session
}

/** Why the engine ends a grant: somebody asked for it, or showed a second time what is good once. */
function reasonOf() {
  const { oidc } = currentContext()
  if (oidc.route !== 'token') return 'logout'
  return oidc.params?.grant_type === 'refresh_token' ? 'refresh_reuse' : 'code_reuse'
}
