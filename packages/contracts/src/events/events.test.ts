import { describe, expect, it } from 'vitest'
import {
  CloudEvent,
  eventData,
  eventExamples,
  eventQueues,
  type PublishedEventType,
  queues,
} from './index.ts'

const envelope = (type: PublishedEventType, data: unknown) => ({
  specversion: '1.0',
  id: 'calls/1:1',
  source: '/calls/1',
  type,
  subject: '1',
  time: '2026-11-21T10:00:00.000Z',
  datacontenttype: 'application/json',
  data,
})

describe('events (contract §6)', () => {
  it.each(Object.keys(eventData) as PublishedEventType[])(
    '%s has an example that its schema takes',
    (type) => {
      expect(CloudEvent.safeParse(envelope(type, eventExamples[type])).error).toBeUndefined()
    },
  )

  it.each(Object.keys(eventData) as PublishedEventType[])(
    '%s refuses data with an unknown member',
    (type) => {
      expect(
        CloudEvent.safeParse(envelope(type, { ...eventExamples[type], extra: 1 })).success,
      ).toBe(false)
    },
  )

  it('sends every type to at least one queue, and only to queues that somebody consumes', () => {
    for (const names of Object.values(eventQueues)) {
      expect(names.length).toBeGreaterThan(0)
      for (const name of names) expect(queues[name]).toBeTypeOf('string')
    }
  })
})
