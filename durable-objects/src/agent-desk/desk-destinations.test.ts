import { err, ok } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import type { AgentStanding, ReservationOutcome } from '../contact-queue/queue-types.ts'
import { deskDestinations } from './desk-destinations.ts'
import type { DeskInput } from './desk-state-types.ts'
import { DeskWorld } from './desk-world.ts'

/** Destinations of a desk whose queues and rooms answer as they are told. */
function around(answers: Record<string, () => unknown> = {}) {
  const world = DeskWorld.ready()
  const told: [string, AgentStanding | ReservationOutcome | object][] = []
  const inputs: DeskInput[] = []
  const again: unknown[] = []
  const faults: unknown[] = []
  const objects = (methods: readonly string[]) => ({
    getByName: (name: string) =>
      Object.fromEntries(
        methods.map((method) => [
          method,
          async (given: object) => {
            const answer = answers[name]?.() ?? ok(null)
            told.push([`${name} ${method}`, given])
            return answer
          },
        ]),
      ),
  })
  const env = {
    CONTACT_QUEUE: objects(['agentChanged', 'reservationEnded']),
    CALL_ROOM: objects(['agentAccepted', 'afterContactWork']),
  } as unknown as Parameters<typeof deskDestinations>[0]
  const destinations = deskDestinations(env, {
    state: () => world.state,
    takeListed: () => world.state,
    tell: (input) => inputs.push(input),
    again: (destination, rows) => again.push([destination, rows]),
    fault: (_, error) => faults.push(error),
  })
  const send = (destination: 'queue' | 'room', bodies: object[]) =>
    destinations[destination]?.send(
      bodies.map((body, index) => ({ id: String(index), body: body as never })),
    )
  return { world, told, inputs, again, faults, send }
}

const standing = (queueId: string) => ({ type: 'standing', queueId })
const accepted = {
  type: 'accepted',
  callId: 'c1',
  offer: 1,
  reservationId: 'r1',
  queueId: 'queue',
  at: 1,
}

describe('the outbox of a desk', () => {
  it('tells each queue its newest standing once, however many wait', async () => {
    const { told, send, world } = around()
    await send('queue', [standing('queue'), standing('other'), standing('queue')])
    expect(told.map(([what]) => what).sort()).toEqual(['other agentChanged', 'queue agentChanged'])
    expect(told.find(([what]) => what.startsWith('queue'))?.[1]).toMatchObject({
      version: world.state.version,
      serves: true,
      free: 1,
    })
  })

  it('tells a queue of a reservation and of where the agent stands by one word', async () => {
    const { told, send, world } = around()
    const ended = {
      type: 'ended',
      queueId: 'queue',
      reservationId: 'r1',
      outcome: 'accepted',
      at: 1,
    }
    await send('queue', [ended, standing('queue'), standing('other')])
    expect(told.map(([what]) => what).sort()).toEqual([
      'other agentChanged',
      'queue reservationEnded',
    ])
    expect(told.find(([what]) => what.startsWith('queue'))?.[1]).toMatchObject({
      standing: { version: world.state.version },
    })
  })

  it('lets a queue that is away hold up no other, and comes back to it', async () => {
    const { told, send, again, faults } = around({
      away: () => {
        throw new Error('away')
      },
      full: () => err({ code: 'storage_full', retryAfterSeconds: 1 }),
      removed: () => err({ code: 'not_found' }),
    })
    const ended = {
      type: 'ended',
      queueId: 'full',
      reservationId: 'r1',
      outcome: 'timeout',
      at: 1,
    }
    await send('queue', [standing('away'), ended, standing('removed'), standing('queue')])
    expect(told.map(([what]) => what)).toContain('queue agentChanged')
    expect(again).toEqual([['queue', [standing('away'), ended]]])
    expect(faults).toHaveLength(2)
  })

  it('learns from the room whether the agent has the contact', async () => {
    const has = around()
    await has.send('room', [accepted])
    expect(has.inputs).toEqual([{ type: 'acceptance-taken', reservationId: 'r1' }])
    for (const code of ['conflict', 'not_found']) {
      const late = around({ c1: () => err({ code }) })
      await late.send('room', [accepted])
      expect(late.inputs).toEqual([{ type: 'acceptance-late', reservationId: 'r1' }])
    }
    const away = around({ c1: () => err({ code: 'overloaded', retryAfterSeconds: 1 }) })
    await away.send('room', [accepted, { type: 'work', callId: 'c2', seconds: 3 }])
    expect(away.inputs).toEqual([])
    expect(away.again).toEqual([['room', [accepted]]])
    expect(away.told).toContainEqual([
      'c2 afterContactWork',
      { callId: 'c2', agentId: 'agent', seconds: 3 },
    ])
  })
})
