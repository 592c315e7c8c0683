import { err, Logger, ok } from '@menagerie/core'
import { expect, it } from 'vitest'
import { HeldMessages } from '../../src/bridge-link/held-messages.ts'
import { HeldPost } from '../../src/bridge-link/held-post.ts'
import type { DeviceMessage } from '../../src/device-twin/index.ts'
import { MemoryStorage } from '../../src/journal/memory-storage.ts'

const message = (payload: string): DeviceMessage => ({
  topic: 'v1/devices/d/events/e',
  of: { kind: 'event', name: 'e' },
  payload,
  qos: 1,
  receivedAt: '2026-11-22T10:00:00.000000Z',
})
const logger = new Logger({ service: 'test', write: () => {} })

it('keeps no more than it may, all or nothing of a call, and has room again for what was taken', () => {
  const size = JSON.stringify(message('1')).length
  const held = new HeldMessages(new MemoryStorage(), size * 3)
  expect(held.isEmpty).toBe(true)
  expect(held.keep('a', [message('1'), message('2')])).toBe(true)
  expect(held.keep('b', [message('3'), message('4')])).toBe(false)
  expect(held.keep('b', [message('\u{1f98a}'.slice(0, 1))])).toBe(false)
  expect(held.keep('b', [message('3')])).toBe(true)
  expect([held.count('a'), held.count('b'), held.count()]).toEqual([2, 1, 3])
  const first = held.next('a', 1)
  expect(first?.messages).toEqual([message('1')])
  held.release('a', first?.through ?? 0)
  expect(held.keep('c', [message('5'), message('6')])).toBe(false)
  expect(held.keep('c', [message('5')])).toBe(true)
  expect(held.devices('', 2)).toEqual(['a', 'b'])
  expect(held.devices('b', 2)).toEqual(['c'])
})

it('brings a device everything once and in order, whoever asks meanwhile, and waits for no slow twin', async () => {
  const held = new HeldMessages(new MemoryStorage())
  const taken: string[] = []
  let isSick = true
  const post = new HeldPost({
    held,
    take: async (_, messages) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (isSick) throw new Error('out of order')
      taken.push(...messages.map(({ payload }) => payload ?? ''))
      return ok({ results: [] })
    },
    now: () => 0,
    logger,
  })
  const texts = Array.from({ length: 250 }, (_, n) => String(n))
  for (const text of texts.slice(0, 200))
    expect(await post.hold('d', [message(text)])).toEqual(ok({ isTaken: false }))
  isSick = false
  const last = await Promise.all(texts.slice(200).map((text) => post.hold('d', [message(text)])))
  expect(last.every((each) => each.ok && each.value.isTaken)).toBe(true)
  expect(taken).toEqual(texts)
})

it('leaves a message that the twin never takes to it as a record, and brings what follows', async () => {
  const held = new HeldMessages(new MemoryStorage())
  const taken: unknown[] = []
  const post = new HeldPost({
    held,
    take: async (_, messages) => {
      if (messages.some(({ payload }) => payload === 'huge'))
        return err({ code: 'payload_too_large' })
      taken.push(...messages.map(({ payload, refused }) => payload ?? refused))
      return ok({ results: [] })
    },
    now: () => 0,
    logger,
  })
  const answer = await post.hold('d', [message('1'), message('huge'), message('3')])
  expect(answer).toEqual(ok({ isTaken: true }))
  expect(taken).toEqual(['1', { beginning: 'huge', encoding: 'utf-8', bytes: 4 }, '3'])
})
