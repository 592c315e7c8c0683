import { describe, expect, it } from 'vitest'
import { readBody } from './body.ts'

const limit = 1_000_000

/** A request that says how long it is, or one that comes in pieces. */
const request = (bytes: number, told?: number): Request => {
  const piece = new Uint8Array(bytes).fill(7)
  const pieces = [piece.subarray(0, bytes >> 1), piece.subarray(bytes >> 1)]
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = pieces.shift()
      if (next) controller.enqueue(next)
      else controller.close()
    },
  })
  return new Request('https://api.example.com/', {
    method: 'POST',
    headers: told === undefined ? {} : { 'content-length': String(told) },
    body: stream,
    duplex: 'half',
  } as RequestInit)
}

describe('a body', () => {
  it.each([
    ['with its length', limit],
    ['in pieces', undefined],
  ])('of a megabyte %s arrives whole', async (_, told) => {
    const body = await readBody(request(limit, told), limit)
    expect([body?.byteLength, body?.every((byte) => byte === 7)]).toEqual([limit, true])
  })

  it.each([
    ['says so', limit + 1],
    ['does not say so', undefined],
    ['says something else', 10],
  ])('of one byte more is refused when it %s', async (_, told) => {
    await expect(readBody(request(limit + 1, told), limit)).rejects.toMatchObject({
      code: 'payload_too_large',
    })
  })
})
