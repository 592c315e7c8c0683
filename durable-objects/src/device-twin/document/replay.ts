import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { ChangeRow } from './change.ts'

/** Patches that one answer holds, as JSON; a device that missed more gets the whole document. */
export const MAX_REPLAY_CHARACTERS = 96 * 1024

/**
 * What a device missed of `desired`, in order; `undefined` where that is more than an answer holds.
 *
 * @param rows changes after the version it knows, of either section
 */
export function replayOf(rows: readonly ChangeRow[]): JsonObject[] | undefined {
  const missed = rows
    .filter(({ section }) => section === 'desired')
    .map(({ version, patch, at }) => ({ version, patch, time: toTimestamp(at) }))
  return JSON.stringify(missed).length > MAX_REPLAY_CHARACTERS ? undefined : missed
}
