import type { BridgeAck, Downlink, TelemetrySample } from '@menagerie/contracts'
import { err, ok, type Result, toTimestamp } from '@menagerie/core'
import type { Journal, JournalError, JournalStorage, TimerChange } from '../../journal/index.ts'
import { isStorageFull } from '../../journal/refusal.ts'
import type { CommandStore } from '../commands/command-store.ts'
import { decisionOf } from '../decision.ts'
import type { DeviceState } from '../device-state.ts'
import type { TwinHistory } from '../document/twin-history.ts'
import { hearDevice } from '../registry/activity.ts'
import { ruleTimers } from '../rules/rule-timer.ts'
import type { NewSample, TelemetryStore } from '../telemetry/telemetry-store.ts'
import type { DeviceMessage, Taken } from '../twin-types.ts'
import { judgeBatch } from './judge-batch.ts'
import type { Ledger } from './ledger.ts'
import { parseMessage } from './parse-message.ts'
import type { BatchPlan } from './pass.ts'

const STORAGE_FULL_RETRY_SECONDS = 30

export interface IntakeHost {
  storage: Pick<JournalStorage, 'transaction'>
  journal: Pick<Journal<DeviceState>, 'state' | 'apply'>
  telemetry: TelemetryStore
  ledger: Ledger
  history: TwinHistory
  commands: CommandStore
  now: () => number
  newId: () => string
}

/** What a batch came to, once it is stored. */
export interface TakenBatch {
  taken: Taken
  /** What is new. */
  samples: readonly NewSample[]
  /** To who asked on `…/twin/get`. */
  answers: Omit<Downlink, 'id'>[]
  rejected: number
}

/**
 * Takes messages of one device, all or nothing, in one transaction. The journal is only touched when something is to
 * be journalled: plain telemetry costs four statements, however many samples there are.
 *
 * @throws what SQLite throws for other reasons than a full disk, after undoing everything
 */
export function takeBatch(
  host: IntakeHost,
  link: string,
  messages: readonly DeviceMessage[],
  traceparent: string | undefined,
): Result<TakenBatch, JournalError> {
  const { journal, telemetry, ledger, history, commands } = host
  const { state } = journal
  if (state === undefined || state.deletedAt !== undefined) return err({ code: 'not_found' })
  const now = host.now()
  const deviceId = state.details.id
  const seenBefore = ledger.contact.seenAt
  const plan = judgeBatch(
    messages.map((message) => ({ message, parsed: parseMessage(message, deviceId, now) })),
    {
      state,
      numbers: ledger.numbers,
      hasStream: (name) => telemetry.hasStream(name),
      streamCount: telemetry.streamCount,
      latestNumber: (stream) => telemetry.latestNumber(stream),
      knownPlaces: (places) => telemetry.known(places),
      hasEvent: (id) => ledger.hasEvent(id),
      rejection: (id) => ledger.rejection(id, now),
      changesSince: (version) => history.desiredSince(version),
      commands,
      now,
      newKey: host.newId,
    },
  )
  const timers = attend(plan, { telemetry, rulesBefore: state.rules, seenBefore, now })
  let saved: Result<unknown, JournalError> | undefined
  try {
    saved = store(host, plan, { link, now, traceparent, count: messages.length, timers })
  } finally {
    if (saved?.ok !== true) {
      telemetry.forget()
      ledger.forget()
    }
  }
  return saved.ok ? ok(takenBatch(plan, deviceId)) : saved
}

/** What follows from a batch by the clock: the device is active, and timers ring for what waits. */
function attend(
  plan: BatchPlan,
  {
    telemetry,
    rulesBefore,
    seenBefore,
    now,
  }: {
    telemetry: TelemetryStore
    rulesBefore: DeviceState['rules']
    seenBefore: number | null
    now: number
  },
): TimerChange[] {
  const { id } = plan.state.details
  const timers = ruleTimers(rulesBefore, plan.state.rules)
  if (plan.samples.length > 0) timers.push(...telemetry.hourRoll.timers(id, now))
  const heard = hearDevice(plan.state, seenBefore, now)
  if (heard === undefined) return timers
  plan.state = heard.state
  plan.happenings.unshift(...heard.happenings)
  return [...timers, ...heard.timers]
}

function store(
  { storage, journal, telemetry, ledger, history, commands, newId }: IntakeHost,
  plan: BatchPlan,
  {
    link,
    now,
    traceparent,
    count,
    timers,
  }: {
    link: string
    now: number
    traceparent: string | undefined
    count: number
    timers: readonly TimerChange[]
  },
): Result<unknown, JournalError> {
  const save = () => {
    telemetry.save(plan.samples, now)
    telemetry.hourRoll.saveTimers(timers, now)
    ledger.saveNumbers(plan.numbers)
    ledger.saveEvents(plan.eventIds, now)
    ledger.saveRejections(plan.rejections, now)
    const isWatched = plan.state.details.inactivityTimeoutSeconds !== null
    ledger.saveContact({ seenAt: now, link }, isWatched)
    history.save(plan.changes)
    commands.save(plan.commands.changed)
  }
  const isJournalled = plan.happenings.length + plan.replies.length + timers.length > 0
  if (!isJournalled && plan.state === journal.state) {
    try {
      return ok(storage.transaction(save))
    } catch (error) {
      if (!isStorageFull(error)) throw error
      return err({ code: 'storage_full', retryAfterSeconds: STORAGE_FULL_RETRY_SECONDS })
    }
  }
  // Each message acts once by its own number or id; the batch has no name of its own.
  const input = { actor: 'device', source: 'mqtt', id: newId(), body: { link, count } }
  return journal.apply<null>(traceparent === undefined ? input : { ...input, traceparent }, () =>
    decisionOf(
      plan.state,
      plan.happenings,
      null,
      () => ({ link, lastSeenAt: now, traceparent, replies: plan.replies }),
      save,
      [...timers, ...plan.commands.timers()],
    ),
  )
}

function takenBatch({ results, ack, samples, answers }: BatchPlan, deviceId: string): TakenBatch {
  const told: BridgeAck | undefined = ack === undefined ? undefined : { deviceId, ...ack }
  return {
    taken: { results, ...(told === undefined ? {} : { ack: told }) },
    samples,
    answers,
    rejected: results.filter(({ result }) => result === 'rejected').length,
  }
}

/** New samples of each stream as sockets see them. */
export function liveSamples(samples: readonly NewSample[]): Map<string, TelemetrySample[]> {
  const live = new Map<string, TelemetrySample[]>()
  for (const { stream, at, number, values } of samples) {
    const known = live.get(stream) ?? []
    known.push({
      values,
      time: toTimestamp(at),
      ...(number === undefined ? {} : { seq: number.seq }),
    })
    live.set(stream, known)
  }
  return live
}
