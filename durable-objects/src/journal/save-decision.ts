import { appendEvents, readBounds, seal } from './events.ts'
import { recordInput } from './inputs.ts'
import type { Outbox } from './outbox.ts'
import type { Exec } from './schema.ts'
import { changeTimers } from './timers.ts'
import type { Applied, Decision, JournalInput } from './types.ts'

export interface SaveContext {
  exec: Exec
  outbox: Outbox
  /** `{kind}/{name}`. */
  object: string
  /** 16 random bytes, hex. */
  salt: () => string
  /** The state as it is stored now, JSON. */
  stateText: string
}

/** An input under its key, with the hash of its body. */
export interface KeyedInput {
  input: JournalInput
  key: string
  bodyHash: string
}

/** Writes everything one input leads to: events, input, state, own tables, messages, timers. Runs inside the transaction. */
export function saveDecision<State, T>(
  context: SaveContext,
  { input, key, bodyHash }: KeyedInput,
  decision: Decision<State, T>,
  now: number,
): { applied: Applied<T>; saved: { state: State; text: string } } {
  const { exec, outbox, object, salt, stateText } = context
  const events = appendEvents(exec, object, input.actor, decision.events.map(seal), now, salt)
  const firstSeq = events[0]?.seq ?? 0
  const lastSeq = events.at(-1)?.seq ?? 0
  const outcome = JSON.stringify(decision.outcome) ?? 'null'
  recordInput(exec, key, { bodyHash, firstSeq, lastSeq, outcome }, input.traceparent, now)
  const text = JSON.stringify(decision.state) ?? 'null'
  if (text !== stateText) exec('UPDATE object SET state = ?', text)
  decision.save?.()
  outbox.add(decision.outbox?.(events) ?? [], firstSeq || readBounds(exec).head.seq, now)
  changeTimers(exec, decision.timers ?? [])
  const applied = { outcome: decision.outcome, replayed: false, firstSeq, lastSeq }
  return { applied, saved: { state: decision.state, text } }
}
