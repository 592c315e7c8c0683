import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histories, live } from './histories.ts'
import type { Op, Request } from './world-types.ts'

const check = (property: (ops: Op[]) => Promise<void>, numRuns: number): Promise<void> =>
  fc.assert(fc.asyncProperty(histories, property), { numRuns })

describe('the promises of a journal, under faults and once they have stopped', () => {
  it('numbers have no gap, inputs act once, messages arrive, timers fire once, the chain verifies', async () => {
    await check(async (ops) => void (await live(ops)), 300)
  })

  it('the same with retention that keeps few events for a short time', async () => {
    const retention = { maxAgeMs: 600_000, maxEvents: 12 }
    await check(async (ops) => void (await live(ops, { retention })), 150)
  })

  it('everything arrives at least once even where receivers know no ids', async () => {
    await check(async (ops) => void (await live(ops, { receiversDropKnownIds: false })), 100)
  })

  it('what was answered is kept even where clients never ask again', async () => {
    await check(async (ops) => void (await live(ops, { clientsRetry: false })), 100)
  })
})

describe('a crash between any two steps', () => {
  const request = (key: string, plan: Request['plan']): Op => ({
    op: 'request',
    request: { key, variant: 0, plan },
  })
  const story: Op[] = [
    request('a', { events: 2, to: ['sink', 'queue'], timer: { name: 'ring', delayMs: 1_000 } }),
    { op: 'alarm' },
    { op: 'fail', what: 'sink', on: true },
    request('b', { events: 1, to: ['sink'], timer: undefined }),
    { op: 'alarm' },
    { op: 'fail', what: 'sink', on: false },
    { op: 'fail', what: 'handler', on: true },
    { op: 'advance', ms: 2_000 },
    { op: 'alarm' },
    { op: 'fail', what: 'handler', on: false },
    { op: 'restart' },
    { op: 'advance', ms: 70_000 },
    { op: 'alarm' },
    request('a', { events: 2, to: ['sink', 'queue'], timer: { name: 'ring', delayMs: 1_000 } }),
    request('c', { events: 0, to: [], timer: undefined }),
    { op: 'erase', every: 2 },
    { op: 'advance', ms: 1_200_000 },
    { op: 'alarm' },
  ]
  const retention = { maxAgeMs: 600_000, maxEvents: 100 }

  it('breaks no promise, and every step of the journal was one of them', async () => {
    const died = new Set<string>()
    for (let points = 1; ; points++) {
      const world = await live([{ op: 'crash', points }, ...story], { retention })
      const [point] = world.crashedAt
      if (point === undefined) break
      died.add(point)
    }
    const writes = [
      'insert object',
      'insert head',
      'insert inputs',
      'insert events',
      'insert outbox',
      'insert marks',
      'insert timers',
      'update head',
      'update object',
      'update outbox',
      'update timers',
      'update events',
      'delete outbox',
      'delete timers',
      'delete events',
      'delete inputs',
      'commit',
      'set alarm',
      'send sink',
      'send queue',
      'timer',
    ]
    const named = writes.flatMap((write) => [`before ${write}`, `after ${write}`])
    expect([...died].sort()).toEqual([...named, 'before answer'].sort())
  })
})
