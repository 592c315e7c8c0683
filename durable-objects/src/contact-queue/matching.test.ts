import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { order } from './lanes.ts'
import { match } from './matching.ts'
import { QueueBook } from './queue-book.ts'
import type { AgentEntry, WaitingEntry } from './queue-model.ts'

const skills = fc.subarray(['de', 'en', 'fr'])
const agentIds = ['a0', 'a1', 'a2', 'a3', 'a4']

const contact = fc
  .record({
    skills,
    priority: fc.constantFrom(10, 50),
    offeredAt: fc.nat(5),
    passedBy: fc.subarray(agentIds),
  })
  .map((fields) => ({ ...fields, skills: fields.skills.sort() }))
const agent = fc.record({ skills, free: fc.nat(2), idleSince: fc.nat(3), serves: fc.boolean() })

type Made<A> = A extends fc.Arbitrary<infer T> ? T : never

const entryOf = (fields: Made<typeof contact>, index: number): WaitingEntry => ({
  callId: `c${index}`,
  offer: 1,
  direction: 'inbound',
  from: '',
  to: '',
  metadata: {},
  reservation: null,
  forgetAt: 0,
  ...fields,
})

const agentOf = (fields: Made<typeof agent>, index: number): AgentEntry => ({
  doubt: null,
  standing: {
    agentId: `a${index}`,
    version: 1,
    activity: 'available',
    reservations: [],
    ...fields,
  },
})

/** The rule as it is told: contacts in order, each to the first agent who can take it. */
function told(contacts: WaitingEntry[], agents: AgentEntry[]): Map<string, string> {
  const given = new Map<string, string>()
  const underWay = (agentId: string) => [...given.values()].filter((id) => id === agentId).length
  for (const entry of contacts.toSorted(order)) {
    const [first] = agents
      .map(({ standing }) => standing)
      .filter(({ serves, free, agentId }) => serves && free > underWay(agentId))
      .filter((standing) => entry.skills.every((skill) => standing.skills.includes(skill)))
      .filter(({ agentId }) => !entry.passedBy.includes(agentId))
      .toSorted(
        (a, b) =>
          underWay(a.agentId) - underWay(b.agentId) ||
          a.idleSince - b.idleSince ||
          (a.agentId < b.agentId ? -1 : 1),
      )
    if (first !== undefined) given.set(entry.callId, first.agentId)
  }
  return given
}

describe('matching', () => {
  it('gives every contact, by priority and wait, to the longest idle agent who can take it', () => {
    fc.assert(
      fc.property(
        fc.array(contact, { maxLength: 8 }),
        fc.array(agent, { maxLength: agentIds.length }),
        (contactFields, agentFields) => {
          const contacts = contactFields.map(entryOf)
          const agents = agentFields.map(agentOf)
          const book = new QueueBook()
          for (const one of agents) book.putAgent(one)
          for (const one of contacts) book.putContact(one)
          const given = new Map<string, string>()
          match(book, 0, (entry, { standing: { agentId } }) => {
            given.set(entry.callId, agentId)
            const reservation = { id: entry.callId, agentId, expiresAt: 1, knownAt: null }
            book.putContact({ ...entry, reservation })
          })
          expect(given).toEqual(told(contacts, agents))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('knows everybody’s place, whatever comes and goes', () => {
    const move = fc.record({ fields: contact, drop: fc.boolean(), reserve: fc.boolean() })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        const book = new QueueBook()
        const waiting = new Map<string, WaitingEntry>()
        moves.forEach(({ fields, drop, reserve }, index) => {
          const [first] = waiting.keys()
          if (drop && first !== undefined) {
            book.dropContact(first, { callId: first, offer: 1, outcome: 'abandoned' })
            waiting.delete(first)
            return
          }
          const entry = entryOf(fields, index)
          const id = entry.callId
          const reservation = reserve ? { id, agentId: 'a0', expiresAt: 1, knownAt: null } : null
          book.putContact({ ...entry, reservation })
          waiting.set(id, entry)
        })
        const sorted = [...waiting.values()].sort(order)
        const places = sorted.map(({ callId }) => {
          const entry = book.contact(callId)
          return entry === undefined ? 0 : book.positionOf(entry)
        })
        expect(places).toEqual(sorted.map((_, index) => index + 1))
        const starts = sorted.map(({ offeredAt }) => offeredAt)
        expect(book.oldest()).toBe(starts.length === 0 ? undefined : Math.min(...starts))
      }),
    )
  })
})
