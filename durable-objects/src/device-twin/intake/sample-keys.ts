import { createHash } from 'node:crypto'
import type { DeviceMessage } from '../twin-types.ts'
import type { ParsedSample } from './parse-message.ts'

/** What tells a sample without a number from others of its time; `undefined` where nothing does. */
export const sampleKey = (
  message: DeviceMessage,
  { time }: ParsedSample,
  index: number,
  text: string,
): string | undefined =>
  time === undefined ? arrivalKey(message, `${index} ${text}`) : contentKey(text)

/** A bridge that tells times to the microsecond tells each once, so that a repeated request is known by them. */
export const arrivalKey = ({ receivedAt }: DeviceMessage, text: string): string | undefined =>
  /\.\d{6}Z$/.test(receivedAt) ? contentKey(`${receivedAt} ${text}`) : undefined

const contentKey = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 22)
