import { newId } from '@menagerie/core'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { type CallChange, changeOf } from '../../src/history/call-change.ts'
import {
  addCounters,
  type CallCounters,
  type GroupName,
  type HistoryStore,
  type Interval,
  noCalls,
} from '../../src/history/history-store.ts'
import { type CallStory, countersOf, eventsOf } from './call-events.ts'

const QUARTER = 15 * 60_000
const DAY = 86_400_000
const start = Date.UTC(2026, 10, 21)

const ids = ['019aa5b8-7c00-7000-8000-00000000000a', '019aa5b8-7c00-7000-8000-00000000000b']
const someId = fc.constantFrom(null, ...ids)
const story: fc.Arbitrary<CallStory> = fc.record(
  {
    direction: fc.constantFrom('inbound', 'outbound', 'internal'),
    queueId: someId,
    agentId: someId,
    laterAgentId: someId,
    // Often right at the border of a bucket.
    createdAt: fc
      .tuple(fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 1, 400_000, QUARTER - 1))
      .map(([bucket, ms]) => start + bucket * QUARTER + ms),
    answeredAfter: fc.option(fc.integer({ min: 1, max: 60 })),
    holds: fc.boolean(),
    endedAfter: fc.option(fc.integer({ min: 3, max: 600 })),
  },
  {
    requiredKeys: [
      'direction',
      'queueId',
      'agentId',
      'createdAt',
      'answeredAfter',
      'holds',
      'endedAfter',
    ],
  },
)

/** Deliveries of the changes: each at least once, some twice, in any order, cut into batches. */
function deliveries(changes: readonly CallChange[]) {
  return fc
    .shuffledSubarray([...changes], { minLength: 0 })
    .chain((twice) =>
      fc.shuffledSubarray([...changes, ...twice], { minLength: changes.length + twice.length }),
    )
    .chain((all) =>
      fc.record({
        all: fc.constant(all),
        size: fc.integer({ min: 1, max: 50 }),
        // Batches after which the consumer dies before it acknowledges.
        crashes: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
      }),
    )
}

const changesOf = (stories: readonly CallStory[]) =>
  stories.flatMap((one) => eventsOf(one)).flatMap((event) => changeOf(event) ?? [])

const sum = (stories: readonly CallStory[]): CallCounters =>
  stories.map(countersOf).reduce(addCounters, noCalls)
const within = (stories: readonly CallStory[], { start: from, end }: Interval) =>
  stories.filter(({ createdAt }) => from <= createdAt && createdAt < end)

/** What every `HistoryStore` must do. `make` gives one that holds nothing. */
export function historyStoreContract(name: string, make: () => Promise<HistoryStore>): void {
  describe(`${name}, as every history store,`, () => {
    let store: HistoryStore
    beforeEach(async () => {
      store = await make()
    })

    const total = async (intervals: Interval[], more: object = {}) => {
      const counts = await store.count({ intervals, ...more })
      return counts.map(({ counters }) => counters).reduce(addCounters, noCalls)
    }
    const day = { start, end: start + DAY }

    test('counts each call once, whatever the order, repeats and crashes of its messages', async () => {
      const cases = fc.array(story, { minLength: 1, maxLength: 12 }).chain((stories) =>
        fc.record({
          stories: fc.constant(stories),
          delivery: deliveries(changesOf(stories)),
          cuts: fc.uniqueArray(fc.integer({ min: 0, max: 10 * QUARTER }), { maxLength: 4 }),
        }),
      )
      await fc.assert(
        fc.asyncProperty(cases, async ({ stories, delivery, cuts }) => {
          store = await make()
          for (let at = 0, n = 0; at < delivery.all.length; at += delivery.size, n++) {
            const batch = delivery.all.slice(at, at + delivery.size)
            await store.record(batch)
            if (delivery.crashes.includes(n)) await store.record(batch)
          }
          // Whole buckets come from rollups, cut ones from facts: all must say what the stories say.
          const borders = [0, ...cuts.sort((a, b) => a - b), DAY].map((ms) => start + ms)
          const intervals = borders
            .slice(1)
            .map((end, index) => ({ start: borders[index] ?? end, end }))
            .filter((interval) => interval.start < interval.end)
          const counts = await store.count({ intervals })
          for (const [index, interval] of intervals.entries()) {
            const counted = counts.find((count) => count.interval === index)?.counters ?? noCalls
            expect(counted).toEqual(sum(within(stories, interval)))
          }
          for (const groupBy of ['queue', 'agent', 'direction'] satisfies GroupName[]) {
            const groups = await store.count({ intervals: [day], groupBy })
            for (const { group, counters } of groups)
              expect(counters).toEqual(
                sum(stories.filter((one) => groupOf(one, groupBy) === group)),
              )
            expect(new Set(groups.map(({ group }) => group))).toEqual(
              new Set(stories.map((one) => groupOf(one, groupBy))),
            )
          }
        }),
        { numRuns: 60 },
      )
    })

    test('does not count a call before it knows when it began', async () => {
      const [created, ...later] = changesOf([aCall({ endedAfter: null })])
      await store.record(later)
      expect(await total([day])).toEqual(noCalls)
      if (created) await store.record([created])
      expect(await total([day])).toMatchObject({ calls: 1, callsAnswered: 1, callsTalked: 0 })
    })

    test('knows all of a call from its end alone, and nothing older changes it', async () => {
      const changes = changesOf([aCall({})])
      await store.record(changes.slice(-1))
      const known = await total([day])
      expect(known).toEqual(countersOf(aCall({})))
      await store.record(changes)
      expect(await total([day])).toEqual(known)
    })

    test('narrows to a queue and an agent, in whole buckets and in cut ones', async () => {
      const [a = '', b = ''] = ids
      const stories = [
        aCall({ queueId: a, agentId: a }),
        aCall({ queueId: a, agentId: b }),
        aCall({ queueId: b, agentId: b }),
        aCall({ queueId: null, agentId: null }),
      ]
      await store.record(changesOf(stories))
      for (const interval of [day, { start: start + 1, end: start + DAY - 1 }]) {
        expect((await total([interval], { queueId: a })).calls).toBe(2)
        expect((await total([interval], { agentId: b })).calls).toBe(2)
        expect((await total([interval], { queueId: b, agentId: a })).calls).toBe(0)
        expect((await total([interval], { queueId: newId() })).calls).toBe(0)
      }
    })

    test('answers nothing for no intervals, and takes no changes', async () => {
      await store.record([])
      expect(await store.count({ intervals: [] })).toEqual([])
    })
  })
}

/** The agent that the last event of a call names. */
function groupOf(one: CallStory, groupBy: GroupName): string | null {
  if (groupBy === 'direction') return one.direction
  if (groupBy === 'queue') return one.queueId
  return one.laterAgentId === undefined ? one.agentId : one.laterAgentId
}

const aCall = (more: Partial<CallStory>): CallStory => ({
  direction: 'outbound',
  queueId: null,
  agentId: null,
  createdAt: start + 10 * 60_000,
  answeredAfter: 4,
  holds: true,
  endedAfter: 61,
  ...more,
})
