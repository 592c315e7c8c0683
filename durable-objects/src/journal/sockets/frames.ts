import { ClientFrame, MAX_BATCH_BYTES, MAX_BATCH_EVENTS } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import type * as journal from '../types.ts'

/** A frame as text, and the number of the last event in it. */
export interface EventFrame {
  text: string
  lastSeq: number
}

const envelopeBytes = Buffer.byteLength('{"type":"batch","data":{"events":[]}}')

function eventText(event: journal.JournalEvent): string {
  const { type, id, seq, time, actor, data } = event
  return JSON.stringify({ type, id, seq, time, actor, data })
}

/**
 * Events as frames: a lone event as itself, several as `batch` frames of at most 100 events and 48 KiB. An event that
 * is larger than a batch may be goes alone.
 */
export function eventFrames(events: readonly journal.JournalEvent[]): EventFrame[] {
  const frames: EventFrame[] = []
  let texts: string[] = []
  let bytes = envelopeBytes
  let lastSeq = 0
  const finish = (): void => {
    const [only] = texts
    if (only === undefined) return
    const text =
      texts.length === 1 ? only : `{"type":"batch","data":{"events":[${texts.join(',')}]}}`
    frames.push({ text, lastSeq })
    texts = []
    bytes = envelopeBytes
  }
  for (const event of events) {
    const text = eventText(event)
    const size = Buffer.byteLength(text) + 1
    if (texts.length === MAX_BATCH_EVENTS || bytes + size > MAX_BATCH_BYTES) finish()
    texts.push(text)
    bytes += size
    lastSeq = event.seq
  }
  finish()
  return frames
}

export type MalformedFrame = { code: 'malformed_json' | 'validation_failed'; detail: string }

/** A client's text as a frame of contract §4: `{"type", "id"?, "data"?}` and nothing else. */
export function parseFrame(text: string): Result<journal.ClientFrame, MalformedFrame> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return err({ code: 'malformed_json', detail: 'The frame is not JSON' })
  }
  const parsed = ClientFrame.safeParse(json)
  if (!parsed.success)
    return err({ code: 'validation_failed', detail: 'A frame is {"type", "id"?, "data"?}' })
  const { type, id, data } = parsed.data
  return ok({ type, data: data as JsonObject, ...(id === undefined ? {} : { id }) })
}
