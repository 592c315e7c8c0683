import { ok, type Result } from '@menagerie/core'
import type {
  Applied,
  Decision,
  JournalError,
  JournalHead,
  JournalInput,
  JournalStorage,
} from '../journal/types.ts'
import { fail, type JournalRefusal } from './journal-refusal.ts'

/** What records need of a journal, be it a Durable Object's or one in memory. */
export interface RecordsJournal<State> {
  readonly exists: boolean
  readonly name: string
  readonly state: State | undefined
  head(): Pick<JournalHead, 'seq'> | undefined
  create<T>(
    name: string,
    input: JournalInput,
    decide: (now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError>
  apply<T>(
    input: JournalInput,
    decide: (state: State, now: number) => Decision<State, T>,
  ): Result<Applied<T>, JournalError>
}

export interface RecordsHost<State, Moved> {
  journal: RecordsJournal<State>
  exec: JournalStorage['exec']
  now: () => number
  /** Records were made or moved on; told once for each change that was saved. */
  moved: (moved: Moved) => void
}

/** What an input leads to, and what to tell of it. */
export type Kept<State, T, Moved> = Decision<State, T> & { moved?: Moved | undefined }

/** Many records of one object on its journal: each input is one transaction of everything it leads to. */
export class ObjectRecords<State, Moved> {
  readonly host: RecordsHost<State, Moved>

  constructor(host: RecordsHost<State, Moved>) {
    this.host = host
  }

  get journal(): RecordsJournal<State> {
    return this.host.journal
  }

  /** The newest event's number; 0 before the first. */
  get headSeq(): number {
    return this.journal.head()?.seq ?? 0
  }

  /** Decides on an input and saves all it leads to, or nothing. */
  keep<T>(
    input: JournalInput,
    decide: (state: State, now: number) => Kept<State, T, Moved>,
  ): Result<Applied<T>, JournalRefusal> {
    return this.#told((note) => this.journal.apply(input, (state, now) => note(decide(state, now))))
  }

  /** The same for an input that makes the object where there is none: there is no state then. */
  keepFirst<T>(
    name: string,
    input: JournalInput,
    decide: (state: State | undefined, now: number) => Kept<State, T, Moved>,
  ): Result<Applied<T>, JournalRefusal> {
    if (this.journal.exists) return this.keep(input, decide)
    return this.#told((note) =>
      this.journal.create(name, input, (now) => note(decide(undefined, now))),
    )
  }

  #told<T>(
    commit: (
      note: (kept: Kept<State, T, Moved>) => Decision<State, T>,
    ) => Result<Applied<T>, JournalError>,
  ): Result<Applied<T>, JournalRefusal> {
    let told: Moved | undefined
    const applied = commit(({ moved, ...decision }) => {
      told = moved
      return decision
    })
    if (!applied.ok) return fail(applied.error)
    // What could not be kept has not happened, and must not be counted.
    if (!applied.value.replayed && told !== undefined) this.host.moved(told)
    return ok(applied.value)
  }
}

/** A trace to go on with, where there is one. */
export const traced = (traceparent: string | undefined): { traceparent?: string } =>
  traceparent === undefined ? {} : { traceparent }
