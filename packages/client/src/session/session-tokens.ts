import type { TokenResponse } from '@menagerie/contracts'

/** What a session keeps, and what an app may store to go on after a reload. Secret. */
export interface SessionTokens {
  accessToken: string
  refreshToken: string
  /** When the access token ends, milliseconds since the epoch by this machine's clock. */
  accessExpiresAt: number
  /** When the refresh token ends, likewise. */
  refreshExpiresAt: number
}

/** @param askedAt when the request was sent: the tokens cannot be younger than that */
export function sessionTokens(response: TokenResponse, askedAt: number): SessionTokens {
  return {
    accessToken: response.access_token,
    refreshToken: response.refresh_token,
    accessExpiresAt: askedAt + response.expires_in * 1000,
    refreshExpiresAt: askedAt + response.refresh_expires_in * 1000,
  }
}

/** Tokens are renewed this long before they end, or at a fifth of a short life. */
const EARLY_MS = 30_000

/** When the next request should bring a new access token first. */
export function renewalDue(tokens: SessionTokens, receivedAt: number, now: number): boolean {
  const life = tokens.accessExpiresAt - receivedAt
  return now >= tokens.accessExpiresAt - Math.min(EARLY_MS, life / 5)
}
