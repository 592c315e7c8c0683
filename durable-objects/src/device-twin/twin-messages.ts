import type { PresenceState, RejectionCode, ThresholdRule } from '@menagerie/contracts'
import { eventRows, type JsonObject, makeEvent } from '@menagerie/core'
import type { JournalEvent, OutboxEntry } from '../journal/index.ts'
import type { DeviceState, Happening } from './device-state.ts'
import { downlink } from './downlinks.ts'

/** What sending needs beside the state. */
export interface SendContext {
  /** The `BridgeLink` that leads to the device. */
  link: string
  /** Milliseconds since the epoch; `null` before the first message. */
  lastSeenAt: number | null
  traceparent: string | undefined
}

/** What leaves the twin because of what happened: CloudEvents, messages to the device, the registry's row. */
export function messagesOf(
  state: DeviceState,
  happenings: readonly Happening[],
  events: readonly JournalEvent[],
  context: SendContext,
): OutboxEntry[] {
  return [
    ...events.flatMap((event, index) => {
      const happening = happenings[index]
      if (happening === undefined) return []
      return [
        ...cloudEvent(state, happening, event, context.traceparent),
        ...toDevice(state, happening, event, context.link),
      ]
    }),
    ...projection(state, happenings, events, context),
  ]
}

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
    case 'device.created':
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
  { downlink: payload }: Happening,
  event: JournalEvent,
  link: string,
): OutboxEntry[] {
  if (payload === undefined) return []
  const id = `${event.id}@link`
  const message = downlink(details.id, 'delta', id, payload) as unknown as JsonObject
  return [{ id, destination: 'link', body: { link, message } }]
}

function projection(
  { details, presence }: DeviceState,
  happenings: readonly Happening[],
  events: readonly JournalEvent[],
  { lastSeenAt }: SendContext,
): OutboxEntry[] {
  const last = events.at(-1)
  const shown = happenings.some(
    ({ type }) => type === 'device.created' || type === 'device.presence',
  )
  if (last === undefined || !shown) return []
  const body = { ...details, seq: last.seq, state: presence.state, lastSeenAt }
  return [{ id: `${last.id}@projection`, destination: 'projection', body }]
}
