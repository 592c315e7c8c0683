import { type JsonObject, newId } from '@menagerie/core'
import type { JournalInput } from '../journal/index.ts'
import type { TwinContext } from './twin-types.ts'

/** What was asked, in the journal's words. @param key the caller's own; `null` makes it an input of its own */
export const inputOf = (
  actor: string,
  source: 'http' | 'socket',
  key: string | null,
  body: JsonObject,
  { traceparent }: TwinContext,
): JournalInput => ({
  actor,
  source,
  id: key ?? newId(),
  body,
  ...(traceparent === undefined ? {} : { traceparent }),
})
