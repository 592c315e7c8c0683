import { calls } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { followCall, signInAs, upTo } from '../../src/follow-call.ts'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'

const CALLS = 5
const RESTARTS = 2

let folder: TemporaryFolder
let system: System

const TRY_MS = 5_000

beforeAll(async () => {
  folder = await temporaryFolder('deploy-drill')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    lab: true,
    seed: true,
  })
})

afterAll(async () => {
  await system?.stop()
  await folder?.remove()
})

it('restarts under load: every keyed request succeeds once and every socket resumes without a gap (G18)', async () => {
  const agent = await signInAs(system, 'agent')
  const supervisor = await signInAs(system, 'supervisor')
  const start = (key: string, to: string) =>
    waitFor(
      () =>
        agent.client
          .call(calls.start, {
            body: { to, ringTimeoutSeconds: 600 },
            idempotencyKey: key,
            // A connection that is taken before the runtime stands may hang: asked again, as a client would.
            signal: AbortSignal.timeout(TRY_MS),
          })
          .then(({ data }) => data.id),
      { what: `the call ${key} to be started`, timeoutMs: 90_000, intervalMs: 100 },
    )

  const ids = await Promise.all(
    Array.from({ length: CALLS }, (_, i) => start(`before-${i}`, '+12025550101')),
  )
  const followers = ids.flatMap((id) => [followCall(agent, id), followCall(supervisor, id)])

  // Load that goes on while everything restarts: each call is asked for until it answers, under one key.
  let more = true
  const startedUnderLoad: string[] = []
  const load = (async () => {
    for (let i = 0; more; i++) startedUnderLoad.push(await start(`under-load-${i}`, '+12025550103'))
  })()
  const allConnected = (times: number) =>
    waitFor(() => followers.every((follower) => follower.connections() >= times), {
      what: `every socket to be connected for the ${times}. time`,
      timeoutMs: 90_000,
    })
  await allConnected(1)
  for (let i = 0; i < RESTARTS; i++) {
    const before = startedUnderLoad.length
    await waitFor(() => startedUnderLoad.length > before, { what: 'load before the restart' })
    await system.restart()
    await allConnected(i + 2)
  }
  more = false
  await load

  expect(new Set(startedUnderLoad).size).toBe(startedUnderLoad.length)
  for (const [i, id] of startedUnderLoad.entries()) {
    expect(await start(`under-load-${i}`, '+12025550103')).toBe(id)
  }

  for (const id of [...ids, ...startedUnderLoad]) {
    await waitFor(
      () => agent.client.call(calls.hangup, { params: { id }, idempotencyKey: `end-${id}` }),
      { what: `the call ${id} to be hung up` },
    )
  }
  for (const follower of followers) {
    await waitFor(
      () => follower.statuses().at(-1) === 'completed' || follower.statuses().at(-1) === 'canceled',
      {
        what: 'a follower to see the end of its call',
        timeoutMs: 30_000,
      },
    )
    expect(follower.seqs()).toEqual(upTo(follower.seqs().length))
    follower.socket.close()
  }
  for (const [i, id] of ids.entries()) {
    const { data: journal } = await agent.client.call(calls.events, {
      params: { id },
      query: { afterSeq: 0, limit: 200 },
    })
    expect(followers[2 * i]?.seqs()).toEqual(upTo(journal.length))
    expect(followers[2 * i + 1]?.seqs()).toEqual(upTo(journal.length))
  }
}, 300_000)
