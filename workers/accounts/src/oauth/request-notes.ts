import type { AccessTokenClaims } from '@menagerie/contracts'
import type { SessionGrant } from '@menagerie/durable-objects/user-sessions'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { UserRow } from '../db/schema.ts'

/** A grant that a token of this request has proved: no store is asked for it. */
export interface ProvedGrant {
  accountId: string
  clientId: string
  scope: string
}

/** What one request to the engine has learnt on its way, for the steps behind it. */
export interface RequestNotes {
  /** Whose the tokens are. */
  user?: UserRow
  /** The session that was opened or refreshed. */
  session?: SessionGrant
  /** Access tokens that were verified, by their text; `undefined` for what is none. */
  verified: Map<string, Promise<AccessTokenClaims | undefined>>
  grants: Map<string, ProvedGrant>
  /** Accounts of grants, for those that must end. */
  owners: Map<string, string>
  /** What went wrong beyond a refusal. */
  failure?: Error
}

const kept = new WeakMap<object, RequestNotes>()

/** The request the engine works on. */
export function currentContext(): KoaContextWithOIDC {
  const context = Provider.ctx
  if (context === undefined) throw new Error('The engine works on no request')
  return context
}

/** The notes of the request the engine works on. */
export const notes = (): RequestNotes => notesOf(currentContext())

/** The same from around the engine, where it does not say what it works on. */
export function notesOf(context: KoaContextWithOIDC): RequestNotes {
  const known = kept.get(context)
  if (known !== undefined) return known
  const made: RequestNotes = { verified: new Map(), grants: new Map(), owners: new Map() }
  kept.set(context, made)
  return made
}

/** The trace of the request, as the Worker handed it on. */
export const traceparentOf = (context: KoaContextWithOIDC): string => context.get('traceparent')
