import { calls } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../src/fault-proxy.ts'
import { type Follower, followCall, signInAs, upTo } from '../../src/follow-call.ts'
import {
  freePort,
  launch,
  openDoors,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'

const MESSAGES = 1_000
const WRITERS = 2
const PROXIES = 4
const KILLS = 2
/** Between two faults: as long as a client may take to be back. */
const PAUSE_MS = 1_000

let folder: TemporaryFolder
let system: System
const proxies: FaultProxy[] = []

beforeAll(async () => {
  folder = await temporaryFolder('room-chaos')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    doors: true,
    lab: true,
    seed: true,
  })
  for (let i = 0; i < PROXIES; i++) proxies.push(await startFaultProxy(system.port))
}, 90_000)

afterAll(async () => {
  for (const proxy of proxies) await proxy.close()
  await system?.stop()
  await folder?.remove()
}, 30_000)

/** Milliseconds from the loss of a connection, or from when the system was back, to the next welcome. */
class Resumes {
  readonly taken: number[] = []
  readonly #lostAt = new Map<number, number>()
  readonly #connections = new Map<number, number>()
  #backAt = 0

  /** Looks at a follower; called often. */
  look(index: number, { socket, connections }: Follower): void {
    const known = this.#connections.get(index) ?? 0
    const now = performance.now()
    if (connections() > known) {
      const lostAt = this.#lostAt.get(index)
      if (lostAt !== undefined) this.taken.push(now - Math.max(lostAt, this.#backAt))
      this.#lostAt.delete(index)
      this.#connections.set(index, connections())
    } else if (known > 0 && socket.status.name !== 'live' && !this.#lostAt.has(index)) {
      this.#lostAt.set(index, now)
    }
  }

  systemIsBack(): void {
    this.#backAt = performance.now()
  }

  get p95(): number {
    return this.taken.toSorted((a, b) => a - b)[Math.floor(this.taken.length * 0.95)] ?? Number.NaN
  }
}

it('brings 20 clients every one of 1,000 events once and in order, over resets, evictions and kills of workerd', async () => {
  const doors = openDoors(system)
  const [agent, supervisor, admin] = await Promise.all([
    signInAs(system, 'agent'),
    signInAs(system, 'supervisor'),
    signInAs(system, 'admin'),
  ])
  const { data: call } = await agent.client.call(calls.start, { body: { to: '+12025550101' } })
  // An account has ten sockets at most, and one that was reset counts until the server knows.
  const people = [supervisor, admin, agent, supervisor, admin]
  const followers = Array.from({ length: 20 }, (_, i) =>
    followCall(people[i % people.length] ?? agent, call.id, proxies[i % PROXIES]?.wsUrl),
  )
  const resumes = new Resumes()
  const watch = setInterval(() => {
    for (const [index, follower] of followers.entries()) resumes.look(index, follower)
  }, 5)
  try {
    await waitFor(() => followers.every((follower) => follower.connections() > 0), {
      what: 'every client to be connected',
      timeoutMs: 30_000,
    })
    const writers = Array.from({ length: WRITERS }, () => followCall(agent, call.id))
    const each = MESSAGES / WRITERS
    const written = Promise.all(
      writers.flatMap(({ socket }, writer) =>
        Array.from({ length: each }, (_, i) =>
          socket.send(
            'message.send',
            { clientMessageId: `${writer}-${i}`, body: `message ${i} of ${writer}` },
            `${writer}-${i}`,
          ),
        ),
      ),
    )
    let writing = true
    void written.finally(() => {
      writing = false
    })
    // The faults: a network that resets, an object that is evicted, a machine that dies.
    const killAt = [MESSAGES * 0.3, MESSAGES * 0.7].slice(0, KILLS)
    for (let round = 0; writing; round++) {
      const seen = Math.max(...followers.map(({ events }) => events.length))
      if (killAt[0] !== undefined && seen > killAt[0]) {
        killAt.shift()
        await system.kill()
        await system.restart()
        resumes.systemIsBack()
      } else if (round % 4 === 0) await doors.crash('CALL_ROOM', call.id).catch(() => {})
      else proxies[round % PROXIES]?.reset()
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    const acks = await written
    expect(killAt).toEqual([])
    // No write took effect twice: each has a number of its own.
    expect(new Set(acks.map(({ seq }) => seq)).size).toBe(MESSAGES)
    await waitFor(
      () => agent.client.call(calls.hangup, { params: { id: call.id }, idempotencyKey: 'end' }),
      { what: 'the call to be hung up', timeoutMs: 20_000 },
    )
    const { data: ended } = await waitFor(
      async () => {
        const answer = await agent.client.call(calls.get, { params: { id: call.id } })
        return answer.data.status === 'completed' || answer.data.status === 'canceled'
          ? answer
          : undefined
      },
      { what: 'the call to end', timeoutMs: 20_000 },
    )
    await waitFor(() => followers.every(({ events }) => events.at(-1)?.seq === ended.seq), {
      what: 'every client to have every event',
      timeoutMs: 30_000,
    })
    for (const follower of followers) expect(follower.seqs()).toEqual(upTo(ended.seq))
    const [first] = followers
    const bodies = first?.events.flatMap(({ type, data }) =>
      type === 'message.created' ? [String((data as { body?: unknown }).body)] : [],
    )
    expect(new Set(bodies).size).toBe(MESSAGES)
    expect(bodies).toHaveLength(MESSAGES)
    // At least one loss for each client: the kills alone are two.
    expect(resumes.taken.length).toBeGreaterThanOrEqual(KILLS * followers.length)
    expect(resumes.p95).toBeLessThan(2_000)
    for (const { socket } of writers) socket.close()
  } finally {
    clearInterval(watch)
    for (const { socket } of followers) socket.close()
  }
}, 180_000)
