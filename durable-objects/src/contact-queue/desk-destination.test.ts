import { ok } from '@menagerie/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deskDestination } from './desk-destination.ts'
import type { DeskAnswer } from './queue-model.ts'

/** Desks that answer at once, and `hangs`, which answers when it is told to. */
function desks() {
  const asked: string[] = []
  const taken: (readonly DeskAnswer[])[] = []
  const over = new Set<string>()
  const hangs: ((version: number) => void)[] = []
  const destination = deskDestination({
    desk: (agentId) => ({
      reserve: async ({ reservationId }) => {
        asked.push(reservationId)
        const pending = (version: number) => ok({ outcome: 'pending' as const, version })
        if (agentId !== 'hangs') return pending(1)
        return new Promise((resolve) => {
          hangs.push((version) => resolve(pending(version)))
        })
      },
      cancelReservation: async ({ reservationId }) => {
        asked.push(`cancel ${reservationId}`)
        return ok(null)
      },
    }),
    stateOf: (id) => (over.has(id) ? 'over' : 'asked'),
    answered: (answers) => {
      taken.push(answers)
    },
  })
  const send = (orders: Record<string, string>) =>
    destination.send(
      Object.entries(orders).map(([reservationId, agentId]) => ({
        id: reservationId,
        body: { reservationId, agentId },
      })),
    )
  const answers = () =>
    taken.splice(0).map((some) => some.map((one) => `${one.reservationId} ${one.outcome}`))
  return { asked, over, hangs, send, answers }
}

describe('orders to desks', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('are answered together where the desks answer', async () => {
    const { send, answers } = desks()
    await send({ r1: 'ada', r2: 'bob', r3: 'ada' })
    expect(answers()).toEqual([['r2 pending', 'r1 pending', 'r3 pending']])
  })

  it('to a desk that hangs hold no others up', async () => {
    const { send, answers, asked } = desks()
    const first = send({ r1: 'hangs', r2: 'bob' })
    await vi.advanceTimersByTimeAsync(500)
    await first
    expect(answers()).toEqual([['r2 pending']])
    await send({ r3: 'ada' })
    expect(answers()).toEqual([['r3 pending']])
    await vi.advanceTimersByTimeAsync(4_500)
    expect(answers()).toEqual([['r1 unreached']])
    expect(asked).toEqual(['r1', 'r2', 'r3'])
  })

  it('reach a desk in their order, and an answer counts however late it comes', async () => {
    const { send, answers, asked, hangs } = desks()
    const sent = [send({ r1: 'hangs' }), send({ r2: 'hangs' })]
    await vi.advanceTimersByTimeAsync(500)
    await Promise.all(sent)
    expect(asked).toEqual(['r1'])
    await vi.advanceTimersByTimeAsync(2_000)
    hangs[0]?.(7)
    await vi.advanceTimersByTimeAsync(0)
    expect(answers()).toEqual([['r1 pending']])
    expect(asked).toEqual(['r1', 'r2'])
    hangs[1]?.(8)
    await vi.advanceTimersByTimeAsync(0)
    expect(answers()).toEqual([['r2 pending']])
  })

  it('that ended while they were under way are taken back', async () => {
    const { send, over, hangs, asked } = desks()
    const sent = send({ r1: 'hangs' })
    await vi.advanceTimersByTimeAsync(500)
    await sent
    over.add('r1')
    hangs[0]?.(7)
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toEqual(['r1', 'cancel r1'])
  })
})
