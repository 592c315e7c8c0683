import { err, ok, type Result } from '@menagerie/core'
import { genesisHash } from './chain.ts'
import { bodyHash, findInput, inputKey } from './inputs.ts'
import { type SaveContext, saveDecision } from './save-decision.ts'
import { createTables } from './schema.ts'
import { takeTimer, timerWaits } from './timers.ts'
import type { Applied, Decision, JournalError, JournalInput, JournalOptions } from './types.ts'

export interface WriteContext extends SaveContext {
  exists: boolean
  /** For an input that makes the object. */
  name: string | undefined
  schema: JournalOptions<never>['schema']
}

/** `saved` is missing for a repeat, which writes nothing. */
export interface WrittenInput<State, T> {
  applied: Applied<T>
  saved: { state: State; text: string } | undefined
}

/** Everything one input leads to; a known one gets its stored outcome. Runs inside the transaction. */
export function writeInput<State, T>(
  context: WriteContext,
  input: JournalInput,
  decide: (now: number) => Decision<State, T>,
  now: number,
): Result<WrittenInput<State, T>, JournalError> {
  const { exec, exists, name, schema = [] } = context
  const key = inputKey(input)
  const hash = bodyHash(input)
  if (exists) {
    const known = findInput(exec, key)
    if (known !== undefined) {
      if (known.bodyHash !== hash) return err({ code: 'idempotency_mismatch' })
      const { firstSeq, lastSeq } = known
      const outcome = JSON.parse(known.outcome) as T
      return ok({ applied: { outcome, replayed: true, firstSeq, lastSeq }, saved: undefined })
    }
    if (name !== undefined) return err({ code: 'idempotency_mismatch' })
    if (input.timer !== undefined) {
      if (!timerWaits(exec, input.timer)) return err({ code: 'not_found' })
      takeTimer(exec, input.timer)
    }
  } else {
    createTables(exec, name ?? '', genesisHash, schema)
  }
  return ok(saveDecision(context, { input, key, bodyHash: hash }, decide(now), now))
}
