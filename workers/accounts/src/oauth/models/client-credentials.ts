import { clockOf } from '@menagerie/core'
import { type ClientCredentials, errors, type Provider } from 'oidc-provider'
import { auditStatements } from '../../audit.ts'
import { type Env, settingsOf } from '../../context.ts'
import { wakeSweeper } from '../../outbox.ts'
import { clientSubject, mintClientToken } from '../../sessions/tokens.ts'
import { SCOPE } from '../../tokens/access-token.ts'
import { type Client, findClient } from '../clients.ts'
import { endSession } from '../end-grant.ts'
import { orOAuthError, toOAuthError } from '../refusals.ts'
import { currentContext, traceparentOf } from '../request-notes.ts'
import { engineSeconds, isClientToken, readAccessToken } from '../verify-token.ts'
import { instantiate, modelOf } from './model.ts'

/** A client's own tokens (RFC 6749 §4.4): our JWTs too, of a session that all its tokens share, with its roles. */
export function overrideClientCredentials(provider: Provider, env: Env): void {
  const model = modelOf<ClientCredentials>(provider.ClientCredentials)

  model.prototype.getValueAndPayload = async function () {
    const client = await findClient(env, this.clientId ?? '')
    if (client === undefined) throw new errors.InvalidClient('client is invalid')
    refuseOtherScopes(client, this.scope)
    const traceparent = traceparentOf(currentContext())
    const clientSub = await clientSubject(env, client.id)
    const lifetimeMs = Number(settingsOf(env).ACCESS_TOKEN_SECONDS) * 1000
    const opened = await env.USER_SESSIONS.getByName(clientSub).clientSession(
      { clientSub, clientId: client.id, lifetimeMs },
      traceparent,
    )
    if (!opened.ok) throw toOAuthError(opened.error)
    this.scope ??= SCOPE
    const { token, claims } = await orOAuthError(
      mintClientToken(env, { ...opened.value, client, scope: this.scope }),
    )
    this.jti = claims.jti
    await auditIssued(env, client.id, clientSub, traceparent)
    return { value: token, payload: undefined }
  }

  model.find = async (value) => {
    const claims = await readAccessToken(env, value)
    if (claims === undefined || !isClientToken(claims)) return undefined
    return instantiate(provider.ClientCredentials, {
      kind: 'ClientCredentials',
      jti: claims.jti,
      iat: engineSeconds(env, claims.iat),
      exp: engineSeconds(env, claims.exp),
      clientId: claims.azp,
      scope: claims.scope,
      extra: { sub: claims.sub, sid: claims.sid },
    })
  }

  model.prototype.destroy = async function () {
    const { extra, clientId = '' } = this as ClientCredentials & { extra?: { sid?: string } }
    if (extra?.sid === undefined) return
    const owner = await clientSubject(env, clientId)
    await endSession(env, owner, extra.sid, 'logout', traceparentOf(currentContext()))
  }
}

/** The engine lets every scope of a client pass that has none. Scopes nobody knows it drops (RFC 6749 §3.3). */
function refuseOtherScopes(client: Client, scope: string | undefined): void {
  const allowed: readonly string[] = client.scopes
  const other = scope?.split(' ').find((name) => !allowed.includes(name))
  if (other !== undefined) throw new errors.InvalidScope('requested scope is not allowed', other)
}

async function auditIssued(
  env: Env,
  clientId: string,
  clientSub: string,
  traceparent: string,
): Promise<void> {
  const entry = {
    action: 'client.authenticated',
    actor: { kind: 'client', id: clientSub },
    target: { kind: 'client', id: clientId },
  } as const
  await env.DB.batch(auditStatements(env.DB, entry, clockOf(env).now(), traceparent))
  await wakeSweeper(env)
}
