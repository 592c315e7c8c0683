import type { Session } from '@menagerie/client'
import { isTerminal } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Follower, followCall, signInAs, upTo } from '../../src/follow-call.ts'
import {
  type Doors,
  type HarnessSystem,
  openDoors,
  startHarness,
  waitFor,
} from '../../src/index.ts'

let system: HarnessSystem
let doors: Doors
let agent: Session

beforeAll(async () => {
  system = await startHarness({ lab: true, seed: true, doors: true })
  doors = openDoors(system)
  agent = await signInAs(system, 'agent')
})

afterAll(() => system?.stop())

async function dial(to: string): Promise<{ id: string; follower: Follower }> {
  const { data } = await agent.client.call(calls.start, { body: { to, ringTimeoutSeconds: 30 } })
  return { id: data.id, follower: followCall(agent, data.id) }
}

const reached = (follower: Follower, status: string) =>
  waitFor(() => follower.statuses().includes(status), {
    what: `the call to be ${status}`,
    timeoutMs: 20_000,
  })

/** Exactly one terminal status, the last event, and every number once. */
async function expectEnd(
  id: string,
  follower: Follower,
  status: string,
  reason: string | null,
): Promise<void> {
  await reached(follower, status)
  await waitFor(() => follower.socket.status.name === 'stopped', {
    what: 'the socket to end',
    timeoutMs: 20_000,
  })
  expect(follower.statuses().filter((seen) => isTerminal(seen as never))).toEqual([status])
  expect(follower.statuses().at(-1)).toBe(status)
  expect(follower.seqs()).toEqual(upTo(follower.seqs().length))
  const { data: call } = await agent.client.call(calls.get, { params: { id } })
  expect(call).toMatchObject({ status, hangupCause: reason })
}

it.each([
  ['+12025550102', 'busy', 'busy'],
  ['+12025550104', 'busy', 'rejected'],
  ['+12025550105', 'completed', 'remote_hangup'],
])('%s ends as %s (%s) by itself', async (to, status, reason) => {
  const { id, follower } = await dial(to)
  await expectEnd(id, follower, status, reason)
})

it('+12025550101 is completed once it is hung up', async () => {
  const { id, follower } = await dial('+12025550101')
  await reached(follower, 'in-progress')
  await agent.client.call(calls.hangup, { params: { id } })
  await expectEnd(id, follower, 'completed', 'hangup')
})

it('+12025550103 is no-answer at the ring timeout', async () => {
  const { id, follower } = await dial('+12025550103')
  await reached(follower, 'ringing')
  await doors.advance('CALL_ROOM', id, 31_000)
  await expectEnd(id, follower, 'no-answer', 'ring_timeout')
})

it('+12025550106, where the carrier is silent, fails five seconds after the ring timeout', async () => {
  const { id, follower } = await dial('+12025550106')
  await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
  await doors.advance('CALL_ROOM', id, 31_000)
  const { data: call } = await agent.client.call(calls.get, { params: { id } })
  expect(isTerminal(call.status)).toBe(false)
  await doors.advance('CALL_ROOM', id, 5_000)
  await expectEnd(id, follower, 'failed', 'carrier_silent')
})

it('a room that crashes is there again, and its sockets resume without a gap', async () => {
  const { id, follower } = await dial('+12025550101')
  await reached(follower, 'ringing')
  await doors.crash('CALL_ROOM', id)
  await reached(follower, 'in-progress')
  await waitFor(() => follower.connections() > 1, { what: 'the socket to resume' })
  await agent.client.call(calls.hangup, { params: { id } })
  await expectEnd(id, follower, 'completed', 'hangup')
})

it('a telephone is asked before a transfer, is joined with the customer, and ends the call by hanging up', async () => {
  const { id, follower } = await dial('+12025550101')
  await reached(follower, 'in-progress')
  const transfer = (body: { mode: 'attended'; to: string } | { mode: 'complete' }) =>
    agent.client.call(calls.transfer, { params: { id }, body })
  // Answers after two seconds and hangs up three seconds later.
  await transfer({ mode: 'attended', to: '+12025550105' })
  const doing = async (token: string) => {
    const { data } = (await (await fetch(`${system.labUrl}/calls`)).json()) as {
      data: { idempotencyToken: string | null; doing: string | null }[]
    }
    const ours = data.filter((call) => call.idempotencyToken?.startsWith(token))
    return ours.map((call) => call.doing)
  }
  // Its call of its own; the first one is put through to the agent until it is held.
  const asked = async () => (await doing(`${id}:`))[0]?.startsWith('dial ') === true
  await waitFor(asked, { what: 'the telephone to be asked', timeoutMs: 20_000 })
  await transfer({ mode: 'complete' })
  const joined = async () =>
    JSON.stringify(await doing(id)) === JSON.stringify(Array(2).fill(`conference ${id}`))
  await waitFor(joined, { what: 'both to be joined', timeoutMs: 20_000 })
  await expectEnd(id, follower, 'completed', 'remote_hangup')
})
