import { createClient } from '@menagerie/client'
import { admin, calls, users } from '@menagerie/contracts/routes'
import { beforeAll, expect, it } from 'vitest'
import { followCall, signInAs } from '../../../src/follow-call.ts'
import { type HarnessSystem, waitFor } from '../../../src/index.ts'
import { sharedSystem } from '../support/shared-system.ts'

let system: HarnessSystem

beforeAll(async () => {
  system = await sharedSystem()
})

it('closes the sockets of a session that signs out, and takes its token no more (B36)', async () => {
  const agent = await signInAs(system, 'agent')
  const other = await signInAs(system, 'supervisor')
  const { data: call } = await agent.client.call(calls.start, {
    body: { to: '+12025550103', ringTimeoutSeconds: 600 },
  })
  const mine = followCall(agent, call.id)
  const theirs = followCall(other, call.id)
  await waitFor(() => mine.socket.status.name === 'live' && theirs.socket.status.name === 'live', {
    what: 'both sockets',
  })

  const token = agent.tokens?.accessToken ?? ''
  await agent.signOut()
  const refused = createClient({ baseUrl: system.url, token })
  await waitFor(
    () =>
      refused.call(users.profile).then(
        () => false,
        (error: { status?: number }) => error.status === 401,
      ),
    { what: 'the token to be refused', timeoutMs: 12_000 },
  )
  await waitFor(() => mine.socket.status.name !== 'live', {
    what: 'the socket to be closed',
    timeoutMs: 12_000,
  })
  expect(theirs.socket.status.name).toBe('live')
  theirs.socket.close()
  mine.socket.close()
})

it('makes a dead letter of a message that no consumer can take, lists it, and goes on with the others', async () => {
  const { REVOCATIONS_QUEUE } = (await system.env('accounts')) as { REVOCATIONS_QUEUE: Queue }
  for (const id of ['poison:1', 'poison:2']) {
    await REVOCATIONS_QUEUE.send({
      specversion: '1.0',
      id,
      type: 'no.such.type.v1',
      queue: 'revocations',
    })
  }

  const agent = await signInAs(system, 'agent')
  const { data: call } = await agent.client.call(calls.start, {
    body: { to: '+12025550103', ringTimeoutSeconds: 600 },
  })
  const follower = followCall(agent, call.id)
  await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
  await agent.signOut()
  await waitFor(() => follower.socket.status.name !== 'live', {
    what: 'the good message to be taken',
    timeoutMs: 12_000,
  })
  follower.socket.close()

  const boss = await signInAs(system, 'admin')
  const letter = await waitFor(
    async () =>
      (await boss.client.call(admin.deadLetters, { query: {} })).data.find(
        (row) => row.eventId === 'poison:1',
      ),
    { what: 'the dead letter to be listed', timeoutMs: 30_000 },
  )
  expect(letter).toMatchObject({
    queue: 'revocations',
    eventType: 'no.such.type.v1',
    status: 'open',
  })
  expect(letter.reason).toMatch(/^Not an event of the contract: /)

  const list = (query: { limit: number; cursor?: string }) =>
    boss.client.call(admin.deadLetters, { query })
  await waitFor(async () => (await list({ limit: 10 })).data.length === 2, {
    what: 'both letters',
    timeoutMs: 30_000,
  })
  const first = await list({ limit: 1 })
  const cursor = first.meta.nextCursor ?? ''
  const second = await list({ limit: 1, cursor })
  expect(second.meta.nextCursor).toBeUndefined()
  expect([first, second].map(({ data }) => data[0]?.eventId).sort()).toEqual([
    'poison:1',
    'poison:2',
  ])
  await expect(list({ limit: 1, cursor: `${cursor}x` })).rejects.toMatchObject({
    code: 'validation_failed',
  })
  const supervisor = await signInAs(system, 'supervisor')
  await expect(supervisor.client.call(admin.deadLetters, { query: {} })).rejects.toMatchObject({
    code: 'forbidden',
  })
}, 60_000)

interface Queue {
  send(body: unknown): Promise<void>
}
