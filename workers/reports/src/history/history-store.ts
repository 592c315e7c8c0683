import type { CallDirection } from '@menagerie/contracts'
import type { CallChange } from './call-change.ts'

/** Half-open, milliseconds since the epoch. */
export interface Interval {
  start: number
  end: number
}

/** Sums over the calls that began in an interval. */
export interface CallCounters {
  calls: number
  callsAnswered: number
  /** Answered and over: those whose talk time is known. */
  callsTalked: number
  talkSeconds: number
  holdSeconds: number
  durationSeconds: number
}

export type GroupName = 'queue' | 'agent' | 'direction'

export interface Question {
  /** In order and without overlap. */
  intervals: readonly Interval[]
  queueId?: string | undefined
  agentId?: string | undefined
  groupBy?: GroupName | undefined
}

/** The sums of one interval and, where asked for, one group. Those without calls are left out. */
export interface Count {
  /** Index into the question's intervals. */
  interval: number
  /** `null` for the calls without a queue or agent, and where no groups are asked for. */
  group: CallDirection | string | null
  counters: CallCounters
}

/**
 * The history that reports are made of. What one implementation must do, the others must too: the suite in
 * `test/history-store-contract.ts` says it.
 */
export interface HistoryStore {
  /**
   * Takes changes up: all of them or, when it throws, none. The same change again and an older one after a newer one
   * change nothing, so messages may come doubled and in any order.
   */
  record(changes: readonly CallChange[]): Promise<void>
  /** The exact sums over the calls that began in each interval, at one moment. */
  count(question: Question): Promise<Count[]>
}

export const noCalls: CallCounters = {
  calls: 0,
  callsAnswered: 0,
  callsTalked: 0,
  talkSeconds: 0,
  holdSeconds: 0,
  durationSeconds: 0,
}

export const counterNames = Object.keys(noCalls) as (keyof CallCounters)[]

export const addCounters = (a: CallCounters, b: CallCounters): CallCounters => {
  const sum = { ...a }
  for (const name of counterNames) sum[name] += b[name]
  return sum
}
