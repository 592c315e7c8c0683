import { MAX_COMMAND_BYTES } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import { jsonBytes, jsonFault } from '../json-limits.ts'
import type { DeviceTwinError } from '../twin-types.ts'
import { MAX_COMMAND_DEPTH } from './parse-answer.ts'

/** What keeps a payload from being sent; the Worker asks as well, before it passes a deep one on. */
export function payloadFault(payload: unknown): DeviceTwinError | undefined {
  const invalid = (detail: string) =>
    ({ code: 'validation_failed', pointer: '/payload', detail }) as const
  switch (jsonFault(payload, MAX_COMMAND_DEPTH)) {
    case 'too_deep':
      return invalid(`nests at most ${MAX_COMMAND_DEPTH} levels`)
    case 'not_storable':
      return invalid('must be I-JSON, with no name __proto__')
    case undefined:
      return jsonBytes(payload as JsonObject) > MAX_COMMAND_BYTES
        ? invalid(`has at most ${MAX_COMMAND_BYTES} bytes as JSON`)
        : undefined
  }
}
