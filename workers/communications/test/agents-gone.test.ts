import { newId } from '@menagerie/core'
import type { ContactQueueApi } from '@menagerie/durable-objects/contact-queue'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { ask, aUser, type Caller, connect, testEnv } from './support/api.ts'

/** Some for each agent: one that stayed taken would hold up the rest for the 30 s that a room has to answer. */
const CONTACTS = 20
/** Less than what a single agent who stayed taken would cost. */
const WITHIN_MS = 25_000

let supervisor: Caller
beforeAll(async () => {
  supervisor = await aUser('supervisor')
})

/** An agent who accepts whatever comes, the moment it comes. */
async function taker(queueId: string, accepted: string[]): Promise<Caller> {
  const caller = await aUser('agent')
  const profile = { skills: [], queueIds: [queueId] }
  const configured = await ask(supervisor, 'PUT', `/agents/${caller.id}`, profile)
  // Whoever serves every queue also gets what other files left waiting.
  expect(configured.status).toBe(200)
  const { webSocket } = await connect('/agents/me/ws', { authorization: `Bearer ${caller.token}` })
  webSocket?.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data))
    const events = frame.type === 'batch' ? frame.data.events : [frame]
    for (const event of events) {
      if (event.type === 'reservation.accepted') accepted.push(event.data.id)
      if (event.type !== 'reservation.created') continue
      const { id } = event.data.reservation
      webSocket.send(JSON.stringify({ type: 'reservation.accept', id, data: { id } }))
    }
  })
  webSocket?.accept()
  await ask(caller, 'PUT', '/agents/me/activity', { name: 'available' })
  return caller
}

describe('contacts whose calls are gone', () => {
  test('hold no agent: whoever accepts one is free for the next at once', async () => {
    const { body } = await ask(supervisor, 'POST', '/queues', { name: 'Gone' })
    const queueId: string = body.data.id
    const accepted: string[] = []
    await Promise.all(Array.from({ length: 4 }, () => taker(queueId, accepted)))
    const queue = testEnv.CONTACT_QUEUE.getByName(queueId) as unknown as ContactQueueApi
    for (let left = CONTACTS; left > 0; left--) {
      const offered = await queue.offer({
        callId: newId(),
        offer: 1,
        direction: 'inbound',
        from: '+12025550191',
        to: '+12025550100',
        priority: null,
        skills: [],
        offeredAt: Date.now(),
        metadata: {},
      })
      expect(offered.ok).toBe(true)
    }
    await vi.waitFor(() => expect(accepted).toHaveLength(CONTACTS), { timeout: WITHIN_MS })
    // And once each.
    expect(new Set(accepted).size).toBe(CONTACTS)
  }, 40_000)
})
