import { type BridgeMessage, MAX_PAYLOAD_BYTES } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { toDeviceMessage } from '../../src/bridge/payload.ts'

const of = { kind: 'presence' } as const
const taken = (changes: Partial<BridgeMessage>) =>
  toDeviceMessage(
    { topic: 't', qos: 1, receivedAt: '2026-11-21T10:00:00.000Z', ...changes } as BridgeMessage,
    of,
  )

describe('a payload', () => {
  it('is handed on as it is up to the limit, in bytes and not in characters', () => {
    const fits = 'é'.repeat(MAX_PAYLOAD_BYTES / 2)
    expect(taken({ payload: fits })).toMatchObject({ payload: fits })
    expect(taken({ payload: fits })).not.toHaveProperty('refused')
    expect(taken({ payload: `${fits}x` })).toMatchObject({
      payload: null,
      refused: { encoding: 'utf-8', bytes: MAX_PAYLOAD_BYTES + 1 },
    })
  })

  it('that is empty is empty text', () => {
    expect(taken({}).payload).toBe('')
  })

  it('that is too large is known by its first 4 KiB, in whole characters', () => {
    const { refused } = taken({ payload: `x${'é'.repeat(MAX_PAYLOAD_BYTES)}` })
    expect(refused?.beginning).toBe(`x${'é'.repeat(2047)}`)
    const cut = taken({ payload: 'the beginning', truncatedBytes: 10_000_000 })
    expect(cut).toMatchObject({
      payload: null,
      refused: { beginning: 'the beginning', bytes: 10_000_000 },
    })
  })

  it('that is no UTF-8 is refused, in base64', () => {
    const bytes = Buffer.alloc(10_000, 0xff)
    const { payload, refused } = taken({ payloadBase64: bytes.toString('base64') })
    expect([payload, refused?.encoding, refused?.bytes]).toEqual([null, 'base64', 10_000])
    const beginning = Buffer.from(refused?.beginning ?? '', 'base64')
    expect([
      beginning.length <= 4098,
      beginning.equals(bytes.subarray(0, beginning.length)),
    ]).toEqual([true, true])
  })
})
