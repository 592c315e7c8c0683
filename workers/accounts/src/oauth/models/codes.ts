import { newId, randomToken } from '@menagerie/core'
import {
  type AuthorizationCode,
  type DeviceCode,
  errors,
  type Grant,
  type Provider,
} from 'oidc-provider'
import type { Env } from '../../context.ts'
import { EngineAdapter } from '../adapter.ts'
import { linkGrant } from '../browser-session.ts'
import { endGrant } from '../end-grant.ts'
import { currentContext, notes, traceparentOf } from '../request-notes.ts'
import { instantiate, modelOf } from './model.ts'

/**
 * Grants are named by the `sid` of the session they will open, and codes by their grant. A code is good once: whoever
 * comes second, even at the same moment, is refused, and the tokens of the first end (RFC 6749 §4.1.2).
 */
export function overrideCodes(provider: Provider, env: Env): void {
  overrideGrant(provider)
  const code = modelOf<AuthorizationCode>(provider.AuthorizationCode)
  code.prototype.generateTokenId = function () {
    return `${this.grantId}.${randomToken()}`
  }
  once(code, env, 'AuthorizationCode')
  once(modelOf<DeviceCode>(provider.DeviceCode), env, 'DeviceCode')
}

function overrideGrant(provider: Provider): void {
  const grant = modelOf<Grant>(provider.Grant)
  grant.prototype.generateTokenId = () => newId()
  const findKept = grant.find.bind(provider.Grant)
  grant.find = async (grantId, options) => {
    // Once its session stands a grant is what the session's tokens prove.
    const proved = notes().grants.get(grantId)
    if (proved === undefined) return findKept(grantId, options)
    const { accountId, clientId, scope } = proved
    const openid = { scope }
    return instantiate(provider.Grant, { jti: grantId, kind: 'Grant', accountId, clientId, openid })
  }
}

type Code = (AuthorizationCode | DeviceCode) & { consumed?: unknown }

function once<T extends Code>(model: ReturnType<typeof modelOf<T>>, env: Env, name: string): void {
  const adapter = new EngineAdapter(env, name)
  const find = model.find.bind(model)
  model.find = async (value, options) => {
    const code = await find(value, options)
    const { oidc } = currentContext()
    const mine = code !== undefined && oidc.client?.clientId === code.clientId
    if (mine && oidc.route === 'token' && code.consumed !== undefined) await endReused(env, code)
    return code
  }
  model.prototype.consume = async function () {
    if (await adapter.consumeOnce(this.jti)) {
      await linkGrant(env, this)
      return
    }
    await endReused(env, this)
    throw new errors.InvalidGrant(`${name} was used already`)
  }
  model.revokeByGrantId = async () => {}
}

async function endReused(env: Env, code: AuthorizationCode | DeviceCode): Promise<void> {
  const { accountId, grantId } = code
  if (accountId === undefined || grantId === undefined) return
  notes().owners.delete(grantId)
  await endGrant(env, accountId, grantId, 'code_reuse', traceparentOf(currentContext()))
}
