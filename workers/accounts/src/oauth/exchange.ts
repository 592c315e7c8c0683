import { AuthenticationMethod } from '@menagerie/contracts'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import { grantStore } from './places.ts'

/** What the engine knows of a sign-in beyond its session, for the ID tokens of later refreshes. */
export interface SignInDetails {
  /** Seconds since the epoch: when the user showed who they are, which may be before this app asked. */
  authTime?: number | undefined
  nonce?: string | undefined
  acr?: string | undefined
  amr?: string[] | undefined
  sessionUid?: string | undefined
}

export interface ExchangeSource extends SignInDetails {
  methods: AuthenticationMethod[]
}

const MODEL = 'SignIn'

/** The code or device code that is being exchanged. */
export function sourceOf(context: KoaContextWithOIDC): ExchangeSource {
  const { AuthorizationCode, DeviceCode } = context.oidc.entities
  const source = AuthorizationCode ?? DeviceCode
  if (source === undefined) throw new Error('A session opens by a code alone')
  const { authTime, nonce, acr, amr, sessionUid } = source
  const methods = AuthenticationMethod.array().parse(amr ?? [])
  return { authTime, nonce, acr, amr, sessionUid, methods }
}

/** Keeps what refreshes will need, under the grant. `ended` when the grant is over already. */
export function keepExchange(env: Env, grantId: string, source: ExchangeSource) {
  const { methods: _methods, ...details } = source
  return grantStore(env, grantId).put({
    model: MODEL,
    id: '',
    payload: JSON.stringify(details),
    lifetimeMs: Number(settingsOf(env).REFRESH_TOKEN_SECONDS) * 1000,
  })
}

/** What was kept of a grant; nothing for a session that `POST /auth/login` opened. */
export async function signInDetails(env: Env, grantId: string): Promise<SignInDetails | undefined> {
  const row = await grantStore(env, grantId).find(MODEL, '')
  return row === null ? undefined : (JSON.parse(row.payload) as SignInDetails)
}
