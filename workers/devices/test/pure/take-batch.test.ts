import type { BridgeResult } from '@menagerie/contracts'
import { err, ok } from '@menagerie/core'
import type { DeviceTwinError } from '@menagerie/durable-objects/device-twin'
import { describe, expect, it } from 'vitest'
import { type TakeMessages, takeBatch } from '../../src/bridge/take-batch.ts'

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
    const taken = await takeBatch(batch, answering({}, calls))
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
    const taken = await takeBatch(batch, answering({ gone: { code: 'not_found' } }))
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
    'is not answered at all when one twin says %s',
    async (code) => {
      const batch = batchOf([up('a'), '1'], [up('busy'), '2'])
      const busy = answering({ busy: { code, retryAfterSeconds: 7 } })
      await expect(takeBatch(batch, busy)).rejects.toMatchObject({
        code,
        options: { retryAfterSeconds: 7 },
      })
    },
  )

  it('is refused only when every twin has ended, so that nothing of it can follow its repeat', async () => {
    const slow = Promise.withResolvers<void>()
    let hasEnded = false
    const busy = answering({ busy: { code: 'overloaded', retryAfterSeconds: 1 } })
    const take: TakeMessages = async (deviceId, messages) => {
      if (deviceId === 'slow') await slow.promise
      hasEnded ||= deviceId === 'slow'
      return busy(deviceId, messages)
    }
    const refused = takeBatch(batchOf([up('busy'), '1'], [up('slow'), '2']), take).catch(
      () => hasEnded,
    )
    setImmediate(() => slow.resolve())
    expect(await refused).toBe(true)
  })

  it('loses to a message that no twin can hold neither its neighbours nor itself', async () => {
    const batch = batchOf([up('a'), '1'], [up('a'), 'huge'], [up('a'), '3'])
    const taken = await takeBatch(batch, answering({ a: { code: 'payload_too_large' } }))
    expect(taken.results.map(({ result, code }) => code ?? result)).toEqual([
      'stored',
      'too_large',
      'stored',
    ])
    expect(taken.rejections).toHaveLength(1)
  })
})
