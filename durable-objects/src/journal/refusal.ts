import type { JournalError } from './types.ts'

/** Thrown inside a transaction to undo it; becomes the error it carries. */
export class Refusal extends Error {
  readonly error: JournalError

  constructor(error: JournalError) {
    super(error.code)
    this.error = error
  }
}

/** Whether SQLite ran out of room. */
export const isStorageFull = (error: unknown): boolean =>
  error instanceof Error && /SQLITE_FULL|database or disk is full/i.test(error.message)
