import type {
  LoginRequest,
  MfaVerifyRequest,
  StepUpRequest,
  TokenResponse,
} from '@menagerie/contracts'
import { auth, credentials } from '@menagerie/contracts/routes'
import { ApiError } from '../http/api-error.ts'
import { type Client, createClient } from '../http/client.ts'
import type { TokenSource } from '../http/token-source.ts'
import { renewalDue, type SessionTokens, sessionTokens } from './session-tokens.ts'

export interface SessionOptions {
  baseUrl: string
  fetch?: typeof globalThis.fetch
  /** Tokens kept from an earlier run. */
  tokens?: SessionTokens
  /** Told of every change, so that an app may keep the tokens; `undefined` when the session is over. */
  onChange?: (tokens: SessionTokens | undefined) => void
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** A signed-in person: a source of tokens that renews them, and a client that uses it. */
export interface Session extends Required<TokenSource> {
  readonly client: Client
  /** `undefined` while nobody is signed in. */
  readonly tokens: SessionTokens | undefined
  /** @throws ApiError `invalid_credentials`, `mfa_required`, `too_many_attempts` */
  signIn(credentials: LoginRequest): Promise<void>
  /**
   * Finishes a sign-in that was answered `mfa_required`: its problem holds the `mfaToken` and the `methods`.
   *
   * @throws ApiError `invalid_code`, `too_many_attempts`
   */
  finishSignIn(proof: MfaVerifyRequest): Promise<void>
  /**
   * Shows a second factor now, for what is answered `step_up_required` otherwise.
   *
   * @throws ApiError `invalid_code`, `too_many_attempts`
   */
  stepUp(proof: StepUpRequest): Promise<void>
  /** Ends the session here and at the server. Here it is over even when the server cannot be reached. */
  signOut(): Promise<void>
}

/**
 * Signs in and keeps the access token fresh: shortly before it ends, and once when it was refused. Many requests at
 * a time cause one refresh. A refused refresh token ends the session; a network that is down does not, and what is
 * still good is used until it ends.
 *
 * @example
 * const session = createSession({ baseUrl })
 * await session.signIn({ username, password })
 * const { data } = await session.client.call(users.profile)
 */
export function createSession(options: SessionOptions): Session {
  const now = options.now ?? Date.now
  const http = options.fetch === undefined ? {} : { fetch: options.fetch }
  const open = createClient({ baseUrl: options.baseUrl, ...http })
  let tokens = options.tokens
  let receivedAt = now()
  let signIns = 0
  let refreshing: Promise<string | undefined> | undefined

  function change(next: SessionTokens | undefined) {
    tokens = next
    receivedAt = now()
    refreshing = undefined
    options.onChange?.(next)
  }

  async function refresh(from: SessionTokens): Promise<string | undefined> {
    const askedAt = now()
    try {
      const { data } = await open.call(auth.refresh, {
        body: { refresh_token: from.refreshToken },
      })
      // Somebody signed in or out meanwhile: their tokens stand. A step-up meanwhile is of the same session.
      if (tokens?.refreshToken === from.refreshToken) change(sessionTokens(data, askedAt))
    } catch (error) {
      if (!(error instanceof ApiError && isRefusal(error))) throw error
      if (tokens?.refreshToken === from.refreshToken) change(undefined)
    }
    return tokens?.accessToken
  }

  function refreshOnce(): Promise<string | undefined> {
    if (tokens === undefined) return Promise.resolve(undefined)
    if (refreshing) return refreshing
    const running = refresh(tokens).finally(() => {
      if (refreshing === running) refreshing = undefined
    })
    refreshing = running
    return running
  }

  /** A refresh that fails for a while must not fail requests that the token in hand is still good for. */
  async function renewEarly(current: SessionTokens): Promise<string | undefined> {
    try {
      return await refreshOnce()
    } catch (error) {
      if (tokens !== current || now() >= current.accessExpiresAt) throw error
      return current.accessToken
    }
  }

  function begin(response: TokenResponse, askedAt: number) {
    signIns += 1
    change(sessionTokens(response, askedAt))
  }

  const source: Required<TokenSource> = {
    token: () =>
      tokens && renewalDue(tokens, receivedAt, now()) ? renewEarly(tokens) : tokens?.accessToken,
    renew: async (refused) =>
      tokens && tokens.accessToken !== refused ? tokens.accessToken : refreshOnce(),
  }
  const client = createClient({ baseUrl: options.baseUrl, token: source, ...http })

  return {
    ...source,
    client,
    get tokens() {
      return tokens
    },
    async signIn(body) {
      const askedAt = now()
      begin((await open.call(auth.login, { body })).data, askedAt)
    },
    async finishSignIn(body) {
      const askedAt = now()
      begin((await open.call(credentials.mfaVerify, { body })).data, askedAt)
    },
    async stepUp(body) {
      const askedAt = now()
      const { data } = await client.call(credentials.stepUp, { body })
      const accessExpiresAt = askedAt + data.expires_in * 1000
      // Whoever signed out or in meanwhile has other tokens; a refresh meanwhile is of the same session.
      if (tokens) change({ ...tokens, accessToken: data.access_token, accessExpiresAt })
    },
    async signOut() {
      if (tokens === undefined) return
      const ending = signIns
      try {
        await client.call(auth.logout, { body: {} })
      } catch (error) {
        // Refused: the session had ended already, which is what was asked for.
        if (!(error instanceof ApiError && error.code === 'unauthorized')) throw error
      } finally {
        if (signIns === ending && tokens) change(undefined)
      }
    },
  }
}

/** The refresh token itself is no good any more; anything else may pass. */
function isRefusal(error: ApiError): boolean {
  return error.status === 400 || error.status === 401 || error.status === 403
}
