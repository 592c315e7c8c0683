import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type HistoryFilters, historyQuery, listCalls } from '../src/db/history.ts'
import { testEnv } from './support/api.ts'

const queueIds = [newId(), newId()]
const agentIds = [newId(), newId(), newId()]
const memberId = newId()
// A year of their own: other files' calls are of today.
const year = Date.UTC(2019, 0, 1)
const numbers = ['+12025550171', '+12025550172', '+12025550173', '+12025550174']

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

interface Kept {
  id: string
  direction: 'inbound' | 'outbound'
  from: string
  to: string
  status: 'completed' | 'busy' | 'no-answer'
  queueId: string | null
  agentId: string | null
  createdAt: number
  isMine: boolean
}

const kept: Kept[] = Array.from({ length: 300 }, (_, i) => ({
  id: newId(),
  direction: pick(['inbound', 'outbound'] as const, i),
  from: pick(numbers, i * 7),
  to: pick(numbers, i * 5 + 1),
  status: pick(['completed', 'busy', 'no-answer'] as const, i * 11),
  queueId: i % 4 === 0 ? null : pick(queueIds, i),
  agentId: i % 5 === 0 ? null : pick(agentIds, i),
  // Several at the same moment: the id decides then.
  createdAt: year + Math.floor(i / 3) * 60_000,
  isMine: i % 2 === 0,
}))

beforeAll(async () => {
  const { DB } = testEnv
  const insert = DB.prepare(
    `INSERT INTO calls (id, seq, direction, from_address, to_address, status, queue_id, agent_id, created_at,
      talk_seconds, hold_seconds, after_contact_work_seconds, duration_seconds)
     VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)`,
  )
  const own = DB.prepare('INSERT INTO call_members (user_id, call_id, created_at) VALUES (?, ?, ?)')
  await DB.batch(
    kept.flatMap(({ id, direction, from, to, status, queueId, agentId, createdAt, isMine }) => [
      insert.bind(id, direction, from, to, status, queueId, agentId, createdAt),
      ...(isMine ? [own.bind(memberId, id, createdAt)] : []),
    ]),
  )
})

const window = { from: new Date(year).toISOString(), to: new Date(year + 86_400_000).toISOString() }
const filters: [string, HistoryFilters][] = [
  [
    'a time',
    { from: new Date(year + 600_000).toISOString(), to: new Date(year + 1_200_000).toISOString() },
  ],
  ['a status', { ...window, status: 'busy' }],
  ['a direction', { ...window, direction: 'inbound' }],
  ['a queue', { ...window, queueId: queueIds[0] as string }],
  ['an agent', { ...window, agentId: agentIds[1] as string }],
  ['a number', { ...window, number: '+12025550172' }],
  [
    'all at once',
    { ...window, status: 'completed', direction: 'outbound', number: '+12025550173' },
  ],
]

function expected(wanted: HistoryFilters, mine: boolean): string[] {
  const { from, to, status, direction, queueId, agentId, number } = wanted
  return kept
    .filter(
      (call) =>
        (!mine || call.isMine) &&
        call.createdAt >= Date.parse(from ?? '') &&
        call.createdAt < Date.parse(to ?? '') &&
        (status === undefined || call.status === status) &&
        (direction === undefined || call.direction === direction) &&
        (queueId === undefined || call.queueId === queueId) &&
        (agentId === undefined || call.agentId === agentId) &&
        (number === undefined || call.from === number || call.to === number),
    )
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id)
}

async function paged(member: string | undefined, wanted: HistoryFilters): Promise<string[]> {
  const ids: string[] = []
  let after: Awaited<ReturnType<typeof listCalls>>['next']
  do {
    const page = await listCalls(testEnv.DB, member, wanted, 7, after)
    ids.push(...page.items.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  return ids
}

describe('the history of calls narrowed to', () => {
  it.each(filters)('%s shows each call once, newest first, page by page', async (_, wanted) => {
    const [all, own] = [expected(wanted, false), expected(wanted, true)]
    expect(all.length).toBeGreaterThan(0)
    expect(await paged(undefined, wanted)).toEqual(all)
    expect(await paged(memberId, wanted)).toEqual(own)
  })

  it.each(filters)('%s is read by an index, in order', async (_, wanted) => {
    for (const member of [undefined, memberId]) {
      const { sql, values } = historyQuery(member, wanted, 50, [year + 3_600_000, newId()])
      const { results } = await testEnv.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>()
      const plan = results.map(({ detail }) => detail).join('; ')
      expect(plan).toMatch(/SEARCH (calls|call_members) USING/)
      expect(plan).not.toMatch(/SCAN (calls|call_members)/)
      // The two sides of a number are put in order together: at most a page of each.
      if (wanted.number === undefined) expect(plan).not.toContain('TEMP B-TREE')
    }
  })
})
