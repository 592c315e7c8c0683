import type { BridgeAck, TelemetrySample } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result, toTimestamp } from '@menagerie/core'
import type { Journal, JournalError, JournalStorage } from '../journal/index.ts'
import { isStorageFull } from '../journal/refusal.ts'
import { decisionOf } from './decision.ts'
import type { DeviceState } from './device-state.ts'
import { type BatchPlan, judgeBatch } from './judge-batch.ts'
import type { Ledger } from './ledger.ts'
import { parseMessage } from './parse-message.ts'
import type { NewSample, TelemetryStore } from './telemetry-store.ts'
import type { DeviceMessage, Taken } from './twin-types.ts'

const STORAGE_FULL_RETRY_SECONDS = 30

export interface IntakeHost {
  storage: Pick<JournalStorage, 'transaction'>
  journal: Pick<Journal<DeviceState>, 'state' | 'apply'>
  telemetry: TelemetryStore
  ledger: Ledger
  now: () => number
  newId: () => string
}

/** What a batch came to, once it is stored. */
export interface TakenBatch {
  taken: Taken
  /** What is new. */
  samples: readonly NewSample[]
  /** Payloads for `…/twin/state`. */
  answers: JsonObject[]
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
  const { journal, telemetry, ledger } = host
  const { state } = journal
  if (state === undefined) return err({ code: 'not_found' })
  const now = host.now()
  const deviceId = state.details.id
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
      now,
      newKey: host.newId,
    },
  )
  let saved: Result<unknown, JournalError> | undefined
  try {
    saved = store(host, plan, { link, now, traceparent, count: messages.length })
  } finally {
    if (saved?.ok !== true) {
      telemetry.forget()
      ledger.forget()
    }
  }
  return saved.ok ? ok(takenBatch(plan, deviceId)) : saved
}

function store(
  { storage, journal, telemetry, ledger, newId }: IntakeHost,
  plan: BatchPlan,
  {
    link,
    now,
    traceparent,
    count,
  }: { link: string; now: number; traceparent: string | undefined; count: number },
): Result<unknown, JournalError> {
  const save = () => {
    telemetry.save(plan.samples, now)
    ledger.saveNumbers(plan.numbers)
    ledger.saveEvents(plan.eventIds, now)
    ledger.saveRejections(plan.rejections, now)
    ledger.saveContact({ seenAt: now, link })
  }
  if (plan.happenings.length === 0) {
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
      () => ({ link, lastSeenAt: now, traceparent }),
      save,
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
