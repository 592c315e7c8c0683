import type { Permission, Role } from '@menagerie/contracts'

/** Who acts, as a verified token says. Travels as the first argument of every RPC to an object. */
export interface Principal {
  /** `user` for people, `client` for OAuth clients, `service` for a Worker of ours. */
  kind: 'user' | 'client' | 'service'
  /** The token's `sub`: an account's id, a client's id, or a service's name. */
  id: string
  /** `preferred_username`: a phone number (E.164) or an e-mail address. */
  username: string
  /** The session (`sid`); empty for services and clients. */
  sessionId: string
  roles: Role[]
  permissions: Permission[]
  /** Authentication context: "1" a password, "2" a second factor. */
  acr: string
  /** When the token ends, milliseconds since the epoch. */
  expiresAt: number
}
