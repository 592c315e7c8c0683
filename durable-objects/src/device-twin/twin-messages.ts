import type { Downlink, PresenceState, RejectionCode, ThresholdRule } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/index.ts'
import { finishedData } from './commands/command-messages.ts'
import type { DeviceState, Happening } from './device-state.ts'
import { downlink } from './document/downlinks.ts'

/** What sending needs beside the state. */
export interface SendContext {
  /** The `BridgeLink` that leads to the device. */
  link: string
  /** Milliseconds since the epoch; `null` before the first message. */
  lastSeenAt: number | null
  traceparent: string | undefined
  replies?: readonly Reply[]
}

/** A message to the device that no event tells of. */
export interface Reply {
  /** What it follows; missing before anything happened. */
  after: Happening | undefined
  message: Downlink
}

/** What leaves the twin because of what happened: CloudEvents, messages to the device, the registry's row. */
export function messagesOf(
  state: DeviceState,
  happenings: readonly Happening[],
  events: readonly JournalEvent[],
  context: SendContext,
): OutboxEntry[] {
  return [
    ...repliesTo(undefined, context),
    ...events.flatMap((event, index) => {
      const happening = happenings[index]
      if (happening === undefined) return []
      return [
        ...cloudEvent(state, happening, event, context.traceparent),
        ...toDevice(state, happening, event, context.link),
        ...repliesTo(happening, context),
      ]
    }),
    ...projection(state, happenings, events, context),
  ]
}

const repliesTo = (
  happening: Happening | undefined,
  { replies = [], link }: SendContext,
): OutboxEntry[] =>
  replies
    .filter(({ after }) => after === happening)
    .map(({ message }) => ({
      id: message.id,
      destination: 'link',
      body: { link, message: message as unknown as JsonObject },
    }))

function cloudEvent(
  { details }: DeviceState,
  happening: Happening,
  event: JournalEvent,
  traceparent: string | undefined,
): OutboxEntry[] {
  const { id: deviceId, ownerId, name } = details
  const device = { deviceId, ownerId }
  const envelope = {
    source: `/devices/${deviceId}`,
    subject: deviceId,
    id: event.id,
    at: Date.parse(event.time),
    traceparent,
  }
  const data = happening.data
  switch (happening.type) {
    case 'device.presence': {
      const { state, previousState, session } = data as {
        state: PresenceState
        previousState: PresenceState
        session: string | null
      }
      return rowsOf(
        makeEvent({
          ...envelope,
          type: 'device.presence.changed.v1',
          data: { ...device, state, previousState, session, changedAt: event.time },
        }),
      )
    }
    case 'device.event': {
      const told = data as { name: string; data: unknown; time: string | null; receivedAt: string }
      return rowsOf(
        makeEvent({ ...envelope, type: 'device.event.v1', data: { ...device, ...told } }),
      )
    }
    case 'device.rule': {
      const { rule, value, state, time } = data as unknown as {
        rule: ThresholdRule
        value: number
        state: 'triggered' | 'cleared'
        time: string
      }
      if (state === 'cleared') return []
      return rowsOf(
        makeEvent({
          ...envelope,
          type: 'device.rule.triggered.v1',
          data: { ...device, deviceName: name, rule, value, triggeredAt: time },
        }),
      )
    }
    case 'device.rejected': {
      const { topic, code, detail, bytes } = data as {
        topic: string
        code: RejectionCode
        detail: string
        bytes: number
      }
      const { deadLetter } = happening
      if (deadLetter === undefined) return []
      return rowsOf(
        makeEvent({
          ...envelope,
          type: 'device.message.rejected.v1',
          data: { deviceId, topic, code, detail, bytes, ...deadLetter },
        }),
      )
    }
    case 'command.status': {
      const finished = finishedData(data)
      if (finished === undefined) return []
      return rowsOf(
        makeEvent({
          ...envelope,
          type: 'device.command.finished.v1',
          data: { ...device, ...finished },
        }),
      )
    }
    case 'device.activity': {
      const told = data as { active: boolean; lastSeenAt: string; inactivityTimeoutSeconds: number }
      return rowsOf(
        makeEvent({
          ...envelope,
          type: 'device.activity.changed.v1',
          data: { ...device, deviceName: name, ...told, changedAt: event.time },
        }),
      )
    }
    case 'device.created':
    case 'device.updated':
    case 'device.claimed':
    case 'device.deleted':
    case 'device.rules':
    case 'twin.delta':
    case 'twin.documents':
      return []
  }
}

const rowsOf = (event: Parameters<typeof eventRows>[0]): OutboxEntry[] =>
  eventRows(event).map(({ id, destination, body }) => ({
    id,
    destination,
    body: body as unknown as JsonObject,
  }))

function toDevice(
  { details }: DeviceState,
  { downlink: payload, messages = [] }: Happening,
  event: JournalEvent,
  link: string,
): OutboxEntry[] {
  const delta = payload === undefined ? [] : [downlink(details.id, 'delta', event.id, payload)]
  return [...delta, ...messages].map((sent, index) => {
    const id = `${event.id}@link${index === 0 ? '' : `.${index}`}`
    const message = { ...sent, id } as unknown as JsonObject
    return { id, destination: 'link', body: { link, message } }
  })
}

/** What the registry's row shows. */
const listed: ReadonlySet<Happening['type']> = new Set<Happening['type']>([
  'device.created',
  'device.updated',
  'device.claimed',
  'device.deleted',
  'device.presence',
  'device.activity',
])

function projection(
  { details, presence, active, deletedAt }: DeviceState,
  happenings: readonly Happening[],
  events: readonly JournalEvent[],
  { lastSeenAt }: SendContext,
): OutboxEntry[] {
  const last = events.at(-1)
  const shown = happenings.some(({ type }) => listed.has(type))
  if (last === undefined || !shown) return []
  const deleted = deletedAt !== undefined
  const body = { ...details, seq: last.seq, state: presence.state, active, lastSeenAt, deleted }
  return [{ id: `${last.id}@projection`, destination: 'projection', body }]
}
