import type { BridgeMessage, RejectionCode } from '@menagerie/contracts'
import { makeEvent, outboxStatements, sha256Hex } from '@menagerie/core'
import { registeredOf } from '../db/devices.ts'
import { leftOf } from './payload.ts'

/** A message that no twin took. */
export interface Rejection {
  message: BridgeMessage
  /** The device its topic names, registered or not. */
  deviceId: string | null
  code: RejectionCode
  detail: string
}

/**
 * Keeps what nobody can use for the operators, before it is acknowledged to the broker. The id is the message's own, so
 * that one that the broker delivers again is the same record.
 *
 * @param now milliseconds
 */
export async function recordRejected(
  db: D1Database,
  rejections: readonly Rejection[],
  now: number,
  traceparent: string | undefined,
): Promise<void> {
  const named = new Set(rejections.flatMap(({ deviceId }) => deviceId ?? []))
  const registered = await registeredOf(db, [...named])
  const statements = await Promise.all(
    rejections.map(async ({ message, deviceId, code, detail }) => {
      const known = deviceId !== null && registered.has(deviceId) ? deviceId : null
      const { beginning, encoding, bytes } = leftOf(message)
      const { topic, payload, payloadBase64, truncatedBytes } = message
      const text = JSON.stringify([topic, payload ?? payloadBase64 ?? '', truncatedBytes ?? null])
      const event = makeEvent({
        type: 'device.message.rejected.v1',
        id: `rejected-messages/${await sha256Hex(text)}`,
        source: '/devices/bridge',
        subject: known === null ? '/devices' : `/devices/${known}`,
        at: now,
        data: {
          deviceId: known,
          topic,
          code,
          detail,
          payload: beginning,
          encoding,
          bytes,
          receivedAt: message.receivedAt,
        },
        traceparent,
      })
      return outboxStatements(db, event, now)
    }),
  )
  await db.batch(statements.flat())
}
