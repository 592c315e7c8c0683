import { beforeEach, describe, expect, test } from 'vitest'
import { changeOf } from '../src/history/call-change.ts'
import { D1HistoryStore } from '../src/history/d1-history-store.ts'
import { emptyHistory, testEnv } from './support/api.ts'
import { eventsOf } from './support/call-events.ts'
import { historyStoreContract } from './support/history-store-contract.ts'

historyStoreContract('D1', async () => {
  await emptyHistory()
  return new D1HistoryStore(testEnv.DB)
})

describe('in D1', () => {
  beforeEach(emptyHistory)
  const start = Date.UTC(2026, 10, 21)
  const changes = eventsOf({
    direction: 'inbound',
    queueId: null,
    agentId: '019aa5b8-7c00-7000-8000-00000000000a',
    laterAgentId: '019aa5b8-7c00-7000-8000-00000000000b',
    createdAt: start,
    answeredAfter: 5,
    holds: false,
    endedAfter: 20,
  }).flatMap((event) => changeOf(event) ?? [])
  const stored = async (table: string) =>
    (await testEnv.DB.prepare(`SELECT * FROM ${table}`).all()).results

  test('a batch that breaks off in the middle leaves nothing behind, and goes through the next time', async () => {
    const store = new D1HistoryStore(testEnv.DB)
    await store.record(changes.slice(0, 2))
    const before = [await stored('call_facts'), await stored('call_rollups')]
    await testEnv.DB.exec(
      `CREATE TRIGGER broken BEFORE INSERT ON call_rollups WHEN NEW.calls > 0 BEGIN SELECT RAISE(ABORT, 'broken'); END`,
    )
    await expect(store.record(changes)).rejects.toThrow('broken')
    expect([await stored('call_facts'), await stored('call_rollups')]).toEqual(before)
    await testEnv.DB.exec('DROP TRIGGER broken')
    await store.record(changes)
    expect(await store.count({ intervals: [{ start, end: start + 900_000 }] })).toMatchObject([
      { counters: { calls: 1, callsAnswered: 1, callsTalked: 1, talkSeconds: 20 } },
    ])
  })

  test('a call that goes to another agent leaves no empty rollup behind', async () => {
    const store = new D1HistoryStore(testEnv.DB)
    await store.record(changes.slice(0, 1))
    await store.record(changes)
    expect(await stored('call_rollups')).toMatchObject([
      { agent_id: '019aa5b8-7c00-7000-8000-00000000000b', calls: 1 },
    ])
  })
})
