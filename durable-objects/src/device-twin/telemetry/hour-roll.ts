import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import { timerInput } from '../../journal/timers.ts'
import type { FiredTimer, JournalStorage, OutboxEntry, TimerChange } from '../../journal/types.ts'
import type { DeviceState } from '../device-state.ts'
import type { TwinHost } from '../twin-host.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, startOf } from './buckets.ts'
import type { RingStore } from './ring-store.ts'
import type { TelemetryStore } from './telemetry-store.ts'

/** The timer that rings when an hour has ended. */
export const HOURS_TIMER = 'hours'
/** What is on its way when an hour ends is waited for, and a fleet's hours do not end in the same second. */
const GRACE_MS = MINUTE_MS
const SPREAD_MS = MINUTE_MS
/** Hours that are told of at once: more than those of one hour, since a device has at most 100 streams. */
const MAX_TOLD = 200
/** What a device that was never heard of before brings of the past. */
const FIRST_MS = DAY_MS

/** Tells of each hour of each stream that has ended, once; samples that come later are counted and not told of again. */
export class HourRoll {
  readonly #exec: JournalStorage['exec']
  readonly #rings: RingStore
  readonly #forget: TelemetryStore['forget']
  #waits: boolean | undefined

  constructor(exec: JournalStorage['exec'], rings: RingStore, forget: TelemetryStore['forget']) {
    this.#exec = exec
    this.#rings = rings
    this.#forget = forget
  }

  /** Whether the timer must be set because of a sample: it rings only while there is something to tell of. */
  timers(deviceId: string, now: number): TimerChange[] {
    this.#waits ??= this.#row().due !== null
    return this.#waits ? [] : [{ type: 'timer.set', name: HOURS_TIMER, at: dueAt(deviceId, now) }]
  }

  /** Keeps that the timer is set; runs inside the transaction that sets it. */
  saveTimers(timers: readonly TimerChange[], now: number): void {
    const set = timers.find(({ name }) => name === HOURS_TIMER)
    if (set?.type !== 'timer.set') return
    this.#exec(
      'UPDATE told_hours SET due = ?, told_until = coalesce(told_until, ?)',
      set.at,
      startOf('hours', now) - FIRST_MS,
    )
    this.#waits = true
  }

  /** Drops what is remembered: a transaction failed. */
  forget(): void {
    this.#waits = undefined
  }

  /** An hour has ended. */
  ring(host: Pick<TwinHost, 'journal'>, timer: FiredTimer): void {
    try {
      host.journal().apply<null>(timerInput(timer), (state, now) => {
        let entries: OutboxEntry[] = []
        this.#rings.rollAll(now)
        const until = startOf('hours', now - GRACE_MS)
        const ended = this.#rings.hours(this.#row().told_until ?? until, until, MAX_TOLD)
        // Of an hour that was cut in two nothing is told yet.
        const last = ended.length < MAX_TOLD ? undefined : ended.at(-1)?.bucket.start
        const complete = ended.filter(({ bucket }) => bucket.start !== last)
        const next = this.#next(state.details.id, last !== undefined, now)
        this.#exec(
          'UPDATE told_hours SET told_until = ?, due = ?',
          last === undefined ? until : Date.parse(last),
          next,
        )
        entries = complete.flatMap((hour) => rolled(state, hour, now))
        return {
          state,
          events: [],
          outcome: null,
          outbox: () => entries,
          timers: next === null ? [] : [{ type: 'timer.set', name: HOURS_TIMER, at: next }],
        }
      })
    } finally {
      // Also when it is done: streams have grown by their hours.
      this.#forget()
    }
  }

  #next(deviceId: string, more: boolean, now: number): number | null {
    if (more) return now
    return this.#rings.hasSince(startOf('hours', now - GRACE_MS)) ? dueAt(deviceId, now) : null
  }

  #row(): { told_until: number | null; due: number | null } {
    const [row] = this.#exec<{ told_until: number | null; due: number | null }>(
      'SELECT told_until, due FROM told_hours',
    )
    return row ?? { told_until: null, due: null }
  }
}

/** After the end of the hour that now lies in, so much later that its samples are there. */
function dueAt(deviceId: string, now: number): number {
  let spread = 0
  for (const character of deviceId)
    spread = (spread * 31 + (character.codePointAt(0) ?? 0)) % SPREAD_MS
  const due = startOf('hours', now) + GRACE_MS + spread
  return due > now ? due : due + HOUR_MS
}

function rolled(
  { details: { id: deviceId, ownerId } }: DeviceState,
  { stream, bucket }: ReturnType<RingStore['hours']>[number],
  now: number,
): OutboxEntry[] {
  const event = makeEvent({
    source: `/devices/${deviceId}`,
    subject: deviceId,
    id: `devices/${deviceId}:${stream}:${bucket.start}`,
    at: now,
    traceparent: undefined,
    type: 'device.telemetry.rolled.v1',
    data: { deviceId, ownerId, stream, bucket },
  })
  return eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))
}
