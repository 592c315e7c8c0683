import type { AuthenticationMethod, RevocationReason } from '@menagerie/contracts'
import type { TimerChange } from '../journal/types.ts'

/** A token of a family that was swapped lately: the SHA-256 of its id, and when. */
export interface RotatedToken {
  hash: string
  at: number
}

/** A sign-in on one device, and its one family of refresh tokens. Times are milliseconds since the epoch. */
export interface Session {
  /** `client` where a client acts for itself. */
  kind: 'user' | 'client'
  clientId: string
  /** What its user calls it; at first what the device said. */
  deviceName: string | null
  acr: '1' | '2'
  methods: AuthenticationMethod[]
  /** Separated by spaces. */
  scope: string
  /** When a second factor was last shown in it. */
  secondFactorAt: number | null
  refreshable: boolean
  createdAt: number
  /** The session and every token of it end then; nothing moves it. */
  expiresAt: number
  /** SHA-256 of the id of the family's one live token. */
  current: string
  refreshedAt: number
  /** Tokens swapped within the grace; any other token of the family is a reused one. */
  recent: RotatedToken[]
}

/** The living sessions of a user, by `sid`. An ended one is gone: its history is in the journal. */
export interface SessionsState {
  sessions: Record<string, Session>
  /** Access tokens whose `iat` is not after this time's second are void; 0 while none is. */
  notBefore: number
  /** The account is gone: nothing opens any more. */
  erased: boolean
}

/** How a session opened, in the words of who opens it. */
export interface Opening
  extends Pick<
    Session,
    | 'kind'
    | 'clientId'
    | 'deviceName'
    | 'acr'
    | 'methods'
    | 'scope'
    | 'secondFactorAt'
    | 'refreshable'
  > {
  sid: string
}

export type SessionCommand =
  /** `hash`: SHA-256 of the first token's id. */
  | ({ type: 'open'; lifetimeMs: number; hash: string } & Opening)
  /** `clientId`: who shows the token; another client than the session's has stolen it. */
  | { type: 'rotate'; sid: string; hash: string; successorHash: string; clientId?: string }
  | { type: 'revoke'; sid: string; reason: RevocationReason }
  | { type: 'revoke-all'; except?: string; reason: RevocationReason }
  | { type: 'rename'; sid: string; name: string }
  | { type: 'step-up'; sid: string; method: AuthenticationMethod }
  | { type: 'expire-tokens' }
  | { type: 'erase' }

export type SessionEvent =
  | ({ type: 'session.opened'; expiresAt: number } & Opening)
  | { type: 'session.refreshed'; sid: string }
  | { type: 'session.renamed'; sid: string; name: string }
  | { type: 'session.stepped-up'; sid: string; method: AuthenticationMethod }
  | { type: 'session.revoked'; sid: string; kind: Session['kind']; reason: RevocationReason }
  /** `sids`: the sessions that stand, whose sockets must come back with a new token. */
  | { type: 'tokens.expired'; notBefore: number; sids: string[] }

/**
 * What a command came to. `ended`: there is no such session. `reused`: an old token was shown, and the session ended
 * with that. `too_fast`: nothing changed.
 */
export type SessionOutcome = 'done' | 'ended' | 'reused' | 'too_fast'

export interface SessionStep {
  state: SessionsState
  events: SessionEvent[]
  timers: TimerChange[]
  outcome: SessionOutcome
}

/** A session as it was kept before sessions knew methods, scope and second factors. */
type OldSession = Omit<Session, 'kind' | 'methods' | 'scope' | 'secondFactorAt' | 'refreshable'> &
  Partial<Session>

/** Lifts a state of an older version to this one: those sessions all began with a password. */
export function upcastState(kept: {
  sessions: Record<string, OldSession>
  notBefore?: number
  erased?: boolean
}): SessionsState {
  if (kept.notBefore !== undefined) return kept as SessionsState
  const sessions = Object.entries(kept.sessions).map(([sid, session]): [string, Session] => [
    sid,
    {
      kind: 'user',
      methods: ['pwd'],
      scope: 'email profile',
      secondFactorAt: null,
      refreshable: true,
      ...session,
    },
  ])
  return { sessions: Object.fromEntries(sessions), notBefore: 0, erased: false }
}
