import {
  type EventFrame,
  type Frame,
  openSocket,
  type ResumingSocket,
  type Session,
} from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { PromptWebSocket } from './follow-call.ts'

/** A client on a device's socket that writes down what it is handed. */
export interface DeviceFollower {
  readonly socket: ResumingSocket
  readonly events: EventFrame[]
  /** Telemetry and other frames without a number, each with when it came (milliseconds since the epoch). */
  readonly frames: { frame: Frame; at: number }[]
  ofType(type: string): EventFrame[]
}

/** Follows a device from its first event, over as many connections as it takes. */
export function followDevice(session: Session, deviceId: string): DeviceFollower {
  const events: EventFrame[] = []
  const frames: { frame: Frame; at: number }[] = []
  const socket = openSocket({
    afterSeq: 0,
    WebSocket: PromptWebSocket,
    connect: async () =>
      (await session.client.call(devices.ticket, { params: { id: deviceId } })).data,
    onEvent: (event) => events.push(event),
    onFrame: (frame) => frames.push({ frame, at: Date.now() }),
  })
  return { socket, events, frames, ofType: (type) => events.filter((event) => event.type === type) }
}
