import type { Permission } from '@menagerie/contracts'

/** Who acts, as a verified token says. Travels as the first argument of every RPC to an object. */
export interface Principal {
  /** `user` for people, `client` for OAuth clients that act for themselves, `service` for a Worker of ours. */
  kind: 'user' | 'client' | 'service'
  /** The token's `sub`: an account's id, a client's id, or a service's name. */
  id: string
  /** `preferred_username`: a phone number (E.164) or an e-mail address. */
  username: string
  /** The session (`sid`); empty for services. */
  sessionId: string
  /** The OAuth client the token was made for (`azp`); a service's own name. */
  clientId: string
  /** Names of roles, built in or made by administrators. */
  roles: string[]
  permissions: Permission[]
  /** Authentication context: "1" a password, "2" a second factor. */
  acr: string
  /** When the token was made (`iat`), milliseconds since the epoch. */
  issuedAt: number
  /** When the token ends, milliseconds since the epoch. */
  expiresAt: number
}
