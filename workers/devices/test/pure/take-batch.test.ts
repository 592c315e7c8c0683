import type { BridgeResult } from '@menagerie/contracts'
import { err, ok } from '@menagerie/core'
import type { DeviceTwinError } from '@menagerie/durable-objects/device-twin'
import { describe, expect, it } from 'vitest'
import { type HoldMessages, type TakeMessages, takeBatch } from '../../src/bridge/take-batch.ts'

/** What twins answer that real ones answer only when they are full, busy or away. */
const answering =
  (errors: Record<string, DeviceTwinError>, calls: [string, string[]][] = []): TakeMessages =>
  async (deviceId, messages) => {
    calls.push([deviceId, messages.map(({ payload }) => payload ?? '')])
    const error = errors[deviceId]
    if (error?.code === 'payload_too_large' && !messages.some(({ payload }) => payload === 'huge'))
      return ok({ results: messages.map(() => stored) })
    if (error !== undefined) return err(error)
    const ack = { deviceId, epoch: 0, ackedThrough: messages.length }
    return ok({ results: messages.map(() => stored), ack })
  }
const neverHeld: HoldMessages = async () => {
  throw new Error('nothing was to be held')
}
const stored: BridgeResult = { result: 'stored' }

const batchOf = (...messages: [topic: string, payload: string][]) => ({
  link: 'default',
  messages: messages.map(([topic, payload]) => ({
    topic,
    payload,
    qos: 1 as const,
    receivedAt: '2026-11-21T10:00:00.000Z',
  })),
})
const up = (device: string) => `v1/devices/${device}/telemetry/climate`

describe('a batch', () => {
  it('asks each twin once, with its messages in the order of arrival', async () => {
    const calls: [string, string[]][] = []
    const batch = batchOf(
      [up('a'), '1'],
      [up('b'), '2'],
      [up('a'), '3'],
      ['x', '4'],
      [up('b'), '5'],
    )
    const taken = await takeBatch(batch, answering({}, calls), neverHeld)
    expect(calls).toEqual([
      ['a', ['1', '3']],
      ['b', ['2', '5']],
    ])
    expect(taken.results.map(({ result }) => result)).toEqual([
      ...['stored', 'stored', 'stored', 'rejected', 'stored'],
    ])
    expect(taken.acks.map(({ deviceId }) => deviceId)).toEqual(['a', 'b'])
  })

  it('has a result for each message in its place, whatever becomes of the others', async () => {
    const batch = batchOf(['x', '1'], [up('a'), '2'], [up('gone'), '3'])
    const taken = await takeBatch(batch, answering({ gone: { code: 'not_found' } }), neverHeld)
    expect(taken.results.map(({ code }) => code)).toEqual([
      'unknown_topic',
      undefined,
      'unknown_device',
    ])
    expect(taken.rejections.map(({ message, deviceId }) => [message.payload, deviceId])).toEqual([
      ['1', null],
      ['3', 'gone'],
    ])
  })

  it.each(['storage_full', 'overloaded'] as const)(
    'has what comes again of a device whose twin says %s, and all else is stored',
    async (code) => {
      const batch = batchOf([up('a'), '1'], [up('busy'), '2'], [up('b'), '3'], [up('busy'), '4'])
      const busy = answering({ busy: { code, retryAfterSeconds: 7 } })
      const taken = await takeBatch(batch, busy, neverHeld)
      expect(taken.results.map(({ result }) => result)).toEqual([
        ...['stored', 'retry', 'stored', 'retry'],
      ])
      expect(taken.failing).toEqual([{ deviceId: 'busy', reason: code }])
      expect(taken.acks.map(({ deviceId }) => deviceId)).toEqual(['a', 'b'])
    },
  )

  it('harms nobody else by a twin that throws, or answers for too few messages', async () => {
    const take: TakeMessages = async (deviceId, messages) => {
      if (deviceId === 'broken') throw new Error('no such table: numbers')
      if (deviceId === 'short') return ok({ results: [] })
      return answering({})(deviceId, messages)
    }
    const batch = batchOf([up('broken'), '1'], [up('a'), '2'], [up('short'), '3'])
    const taken = await takeBatch(batch, take, neverHeld)
    expect(taken.results.map(({ result }) => result)).toEqual(['retry', 'stored', 'retry'])
    expect(taken.failing).toContainEqual({ deviceId: 'broken', reason: 'no such table: numbers' })
  })

  it('is answered only when every twin has ended, so that nothing of it can follow its repeat', async () => {
    const slow = Promise.withResolvers<void>()
    let hasEnded = false
    const busy = answering({ busy: { code: 'overloaded', retryAfterSeconds: 1 } })
    const take: TakeMessages = async (deviceId, messages) => {
      if (deviceId === 'slow') await slow.promise
      hasEnded ||= deviceId === 'slow'
      return busy(deviceId, messages)
    }
    const answered = takeBatch(batchOf([up('busy'), '1'], [up('slow'), '2']), take, neverHeld)
    const sawTheEnd = answered.then(() => hasEnded)
    setImmediate(() => slow.resolve())
    expect(await sawTheEnd).toBe(true)
  })

  it('has the link hold messages of the devices it names, and of no others', async () => {
    const kept: [string, string[]][] = []
    const hold: HoldMessages = async (deviceId, messages) => {
      if (deviceId === 'full') return err({ code: 'storage_full' })
      if (deviceId === 'gone') return err({ code: 'not_found' })
      if (deviceId === 'lost') throw new Error('the link cannot be reached')
      kept.push([deviceId, messages.map(({ payload }) => payload ?? '')])
      const ack = { deviceId, epoch: 0, ackedThrough: 9 }
      return ok(deviceId === 'well' ? { isTaken: true, ack } : { isTaken: false })
    }
    const down: DeviceTwinError = { code: 'overloaded', retryAfterSeconds: 1 }
    const names = ['sick', 'well', 'full', 'gone', 'lost', 'other', 'sick']
    const batch = {
      ...batchOf(...names.map((name, i) => [up(name), String(i)] as [string, string])),
      hold: ['sick', 'well', 'full', 'gone', 'lost'],
    }
    const taken = await takeBatch(batch, answering({ other: down }), hold)
    expect(taken.results.map(({ result }) => result)).toEqual([
      ...['held', 'stored', 'retry', 'rejected', 'retry', 'retry', 'held'],
    ])
    expect(kept).toEqual([
      ['sick', ['0', '6']],
      ['well', ['1']],
    ])
    expect(taken.acks).toEqual([{ deviceId: 'well', epoch: 0, ackedThrough: 9 }])
    expect(taken.rejections.map(({ deviceId }) => deviceId)).toEqual(['gone'])
  })

  it('lets no message of a device overtake one that comes again', async () => {
    let calls = 0
    const take: TakeMessages = async (_, messages) => {
      if (messages.length > 1) return err({ code: 'payload_too_large' })
      return ++calls === 2
        ? err({ code: 'overloaded', retryAfterSeconds: 1 })
        : ok({ results: [stored] })
    }
    const batch = batchOf([up('a'), '1'], [up('a'), '2'], [up('a'), '3'])
    const taken = await takeBatch(batch, take, neverHeld)
    expect(taken.results.map(({ result }) => result)).toEqual(['stored', 'retry', 'retry'])
  })

  it('loses to a message that no twin can hold neither its neighbours nor itself', async () => {
    const batch = batchOf([up('a'), '1'], [up('a'), 'huge'], [up('a'), '3'])
    const taken = await takeBatch(batch, answering({ a: { code: 'payload_too_large' } }), neverHeld)
    expect(taken.results.map(({ result, code }) => code ?? result)).toEqual([
      'stored',
      'too_large',
      'stored',
    ])
    expect(taken.rejections).toHaveLength(1)
  })
})
