import type { JsonObject, Result } from '@menagerie/core'
import type { JournalCore } from '../../src/journal/journal-core.ts'
import type { MemoryStorage } from '../../src/journal/memory-storage.ts'
import type {
  Applied,
  Decision,
  Destination,
  JournalError,
  JournalInput,
  JournalStorage,
} from '../../src/journal/types.ts'
import type { World } from './world.ts'

/** What a request asks for; the same key and variant is the same request. */
export interface Plan {
  events: number
  to: ('sink' | 'queue')[]
  timer: { name: string; delayMs: number } | undefined
}

export interface Request {
  key: string
  variant: number
  plan: Plan
}

export type Op =
  | { op: 'request'; request: Request }
  | { op: 'alarm' }
  | { op: 'advance'; ms: number }
  | { op: 'consume' }
  /** The process ends and comes back under another `BOOT_ID`; local queues forget. */
  | { op: 'restart' }
  /** The object leaves memory and comes back. */
  | { op: 'evict' }
  | { op: 'fail'; what: 'sink' | 'queue' | 'handler'; on: boolean }
  /** The process dies at the n-th point from here. */
  | { op: 'crash'; points: number }
  | { op: 'replay'; after: number; limit: number }
  | { op: 'erase'; every: number }

export interface Counter {
  decided: number
}

export interface Outcome extends JsonObject {
  decided: number
}

export type Core = JournalCore<Counter>
export type Decide = (state: Counter, now: number) => Decision<Counter, Outcome>
export type Answer = Result<Applied<Outcome>, JournalError>

/** What may be swapped: a planted bug, or a neighbouring layer that is switched off. */
export interface Variation {
  storage?: (storage: MemoryStorage) => JournalStorage
  destination?: (storage: MemoryStorage, destination: Destination) => Destination
  ask?: (world: World, core: Core, input: JournalInput, decide: Decide) => Answer
  /** Receivers drop ids they know; on unless told. */
  receiversDropKnownIds?: boolean
  /** Clients repeat requests that got no answer; on unless told. */
  clientsRetry?: boolean
  /** Ids of messages follow from the events'; random ones otherwise. */
  randomMessageIds?: boolean
  retention?: { maxAgeMs: number; maxEvents: number }
}

/** A broken promise, told in a sentence. */
export class Broken extends Error {}

export const assert = (condition: boolean, message: string): void => {
  if (!condition) throw new Broken(message)
}
