import { describe, expect, it } from 'vitest'
import { JournalCore } from '../journal/journal-core.ts'
import { Crash, MemoryStorage } from '../journal/memory-storage.ts'
import { timerInput } from '../journal/timers.ts'
import type { Destination } from '../journal/types.ts'
import type { QueueInput, QueueState } from './queue-model.ts'
import { QueueRecords } from './queue-records.ts'
import { createQueueTables } from './queue-tables.ts'
import type { AgentStanding, OfferedContact } from './queue-types.ts'

const destination: Destination = { delivery: 'confirmed', batchSize: 100, send: async () => {} }
const destinations = {
  history: destination,
  rules: destination,
  projection: destination,
  agents: destination,
  desk: destination,
  cancel: destination,
}

/** A queue on a disk in memory, with a clock turned by hand. */
function fixture(storage = new MemoryStorage()) {
  const clock = { now: 1_750_000_000_000 }
  let ids = 0
  const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  const open = () => {
    const journal = new JournalCore<QueueState>(
      storage,
      {
        kind: 'queues',
        now: () => clock.now,
        bootId: 'boot-1',
        destinations,
        schema: [createQueueTables],
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
    const newId = () => idOf(ids++)
    const exec = storage.exec.bind(storage)
    const records = new QueueRecords({ journal, exec, now: () => clock.now, newId })
    const take = (input: QueueInput) => {
      const asked = { actor: 'x', source: 'service', id: newId(), body: { type: input.type } }
      return records.known(input) ?? records.take(asked, input)
    }
    return { journal, records, take }
  }
  const queue = open()
  const request = {
    name: 'Support',
    skills: [],
    priority: 50,
    reservationTimeoutSeconds: 20,
    serviceLevelSeconds: 20,
  }
  const asked = { actor: 'x', source: 'http', id: 'made', body: {} }
  queue.records.create(idOf(999_999), asked, request)
  return { ...queue, storage, clock, idOf, open }
}

const contact = (callId: string, change: Partial<OfferedContact> = {}): OfferedContact => ({
  callId,
  offer: 1,
  direction: 'inbound',
  from: '+12025550177',
  to: '+12025550100',
  priority: null,
  skills: [],
  offeredAt: 1_750_000_000_000,
  metadata: {},
  ...change,
})

const standing = (
  agentId: string,
  version: number,
  free: number,
  change: Partial<AgentStanding> = {},
): AgentStanding => ({
  agentId,
  version,
  serves: true,
  activity: 'available',
  skills: [],
  free,
  reservations: [],
  idleSince: version,
  ...change,
})

/** Lets that many contacts wait, then has the agents take them one by one. Returns how many were taken. */
function assignAll(contacts: number, agents: number): number {
  const { records, take, idOf } = fixture()
  for (let number = 0; number < contacts; number++)
    take({ type: 'offer', contact: contact(idOf(number)) })
  const versions = new Map<string, number>()
  for (let number = 0; number < agents; number++) {
    const agentId = idOf(500_000 + number)
    versions.set(agentId, 1)
    take({ type: 'agent', standing: standing(agentId, 1, 1) })
  }
  let answered = 0
  while (records.book.waiting > 0) {
    for (const { callId, reservation } of [...records.book.reservedContacts]) {
      if (reservation === null) continue
      const { id: reservationId, agentId } = reservation
      const version = (versions.get(agentId) ?? 0) + 3
      versions.set(agentId, version)
      const answer = { reservationId, outcome: 'pending', version: version - 2 } as const
      take({ type: 'answers', answers: [answer] })
      take({
        type: 'outcome',
        outcome: {
          reservationId,
          agentId,
          outcome: 'accepted',
          at: 1_750_000_000_000,
          standing: standing(agentId, version - 1, 0),
        },
      })
      expect(records.book.contact(callId)).toBeUndefined()
      answered += 1
      take({ type: 'agent', standing: standing(agentId, version, 1) })
    }
  }
  return answered
}

describe('a queue on its journal', () => {
  it('assigns every one of 2,000 contacts to 50 agents', () => {
    expect(assignAll(2_000, 50)).toBe(2_000)
  }, 60_000)

  it('forgets nothing and keeps nothing half when it dies anywhere within an input', () => {
    const agentId = 'a0000000-0000-4000-8000-000000000000'
    const inputs: QueueInput[] = [
      { type: 'offer', contact: contact('00000000-0000-4000-8000-00000000000a') },
      { type: 'offer', contact: contact('00000000-0000-4000-8000-00000000000b') },
      { type: 'agent', standing: standing(agentId, 1, 1) },
      {
        type: 'withdraw',
        contact: { callId: '00000000-0000-4000-8000-00000000000a', offer: 1, reason: 'abandoned' },
      },
      { type: 'agent', standing: standing(agentId, 2, 1) },
    ]
    const shown = ({ records }: Pick<ReturnType<typeof fixture>, 'records'>) =>
      records.waiting(0, 10).map(({ callId, reservation }) => [callId, reservation?.agentId])
    let died = 0
    for (let point = 1; ; point++) {
      const { storage, open } = fixture()
      let queue = open()
      let left = point
      storage.onPoint = (name) => {
        left -= 1
        if (left === 0) throw new Crash(name)
      }
      let crashed = false
      for (const input of inputs) {
        // Whoever was not answered asks again.
        for (let tries = 0; tries < 2; tries++)
          try {
            queue.take(input)
            if (!storage.dead) break
            throw new Crash('afterwards')
          } catch (error) {
            if (!(error instanceof Crash)) throw error
            crashed = true
            storage.revive()
            queue = open()
          }
        expect(shown(queue).length).toBe(queue.records.book.waiting)
      }
      expect(shown(queue)).toEqual([['00000000-0000-4000-8000-00000000000b', agentId]])
      expect(queue.journal.state?.day).toMatchObject({ offered: 2, abandoned: 1 })
      expect(shown(open())).toEqual(shown(queue))
      if (!crashed) break
      died += 1
    }
    expect(died).toBeGreaterThan(30)
  })

  it('gives a contact on by itself when a desk never answers', async () => {
    const { journal, records, take, clock, idOf } = fixture()
    take({ type: 'agent', standing: standing(idOf(1), 1, 1) })
    take({ type: 'offer', contact: contact(idOf(7)) })
    expect(records.book.contact(idOf(7))?.reservation?.agentId).toBe(idOf(1))
    take({ type: 'agent', standing: standing(idOf(2), 1, 1, { skills: ['en'] }) })
    clock.now += 25_000
    await journal.alarm((timer) => void records.take(timerInput(timer), { type: 'wake' }))
    expect(records.book.contact(idOf(7))?.reservation?.agentId).toBe(idOf(2))
  })

  it('takes an acceptance that comes after it has given the agent up', () => {
    const { records, take, clock, idOf } = fixture()
    take({ type: 'agent', standing: standing(idOf(1), 1, 1) })
    take({ type: 'agent', standing: standing(idOf(2), 1, 1) })
    take({ type: 'offer', contact: contact(idOf(7)) })
    const { id: reservationId = '', agentId = '' } =
      records.book.contact(idOf(7))?.reservation ?? {}
    clock.now += 25_000
    take({ type: 'wake' })
    const second = records.book.contact(idOf(7))?.reservation
    expect(second?.agentId).not.toBe(agentId)
    const outcome = {
      reservationId,
      agentId,
      outcome: 'accepted',
      at: clock.now,
      standing: standing(agentId, 2, 0),
    } as const
    take({ type: 'outcome', outcome })
    expect(records.book.waiting).toBe(0)
    expect(take({ type: 'outcome', outcome })).toBe('done')
    const told = records.reservationState(second?.id ?? '')
    expect(told).toBe('over')
  })

  it('waits for news of a desk that refused', () => {
    const { records, take, idOf } = fixture()
    take({ type: 'agent', standing: standing(idOf(1), 1, 1) })
    take({ type: 'offer', contact: contact(idOf(7)) })
    const reservationId = records.book.contact(idOf(7))?.reservation?.id ?? ''
    take({ type: 'answers', answers: [{ reservationId, outcome: 'refused', version: 4 }] })
    expect(records.book.contact(idOf(7))?.reservation).toBeNull()
    take({ type: 'agent', standing: standing(idOf(1), 3, 1) })
    expect(records.book.contact(idOf(7))?.reservation).toBeNull()
    take({ type: 'agent', standing: standing(idOf(1), 5, 1) })
    expect(records.book.contact(idOf(7))?.reservation?.agentId).toBe(idOf(1))
  })
})
