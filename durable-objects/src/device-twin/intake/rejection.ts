import { createHash } from 'node:crypto'
import type { Happening } from '../device-state.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { Rejected } from './parse-message.ts'

/** Of a rejected payload that is kept. */
const MAX_BEGINNING_BYTES = 4 * 1024

/** What tells a rejected message from others: the broker may bring it again, and it is recorded once. */
export const rejectionId = ({ topic, payload, refused }: DeviceMessage): string =>
  createHash('sha256')
    .update(JSON.stringify([topic, payload, refused?.bytes ?? null, refused?.beginning ?? null]))
    .digest('hex')

/** A rejected message as it is journalled and told to the operators. @param receivedAt RFC 3339 */
export function rejectedHappening(
  message: DeviceMessage,
  { code, detail }: Pick<Rejected, 'code' | 'detail'>,
  receivedAt: string,
): Happening {
  const { payload, refused } = message
  const bytes = refused?.bytes ?? Buffer.byteLength(payload ?? '')
  return {
    type: 'device.rejected',
    data: { topic: message.topic.toWellFormed(), code, detail, bytes },
    deadLetter: { ...beginning(message), receivedAt },
  }
}

function beginning({ payload, refused }: DeviceMessage) {
  if (payload === null && refused?.encoding === 'base64')
    return { payload: refused.beginning.slice(0, MAX_BEGINNING_BYTES), encoding: 'base64' } as const
  const text = Buffer.from(payload ?? refused?.beginning ?? '')
  // As a stream, so that a character that is cut in two is left out.
  const cut = new TextDecoder().decode(text.subarray(0, MAX_BEGINNING_BYTES), { stream: true })
  return { payload: cut, encoding: 'utf-8' } as const
}
