import { calls } from '@menagerie/contracts/routes'
import { startFaultProxy } from './fault-proxy.ts'
import { type Follower, followCall, signInAs } from './follow-call.ts'
import type { System } from './launcher/system.ts'
import { openDoors } from './open-doors.ts'
import { waitFor } from './wait-for.ts'

const WRITERS = 2
const CLIENTS = 20
const PROXIES = 4
/** Between two faults: as long as a client may take to be back. */
const PAUSE_MS = 1_000

/** What became of a room under faults. */
export interface RoomChaos {
  /** Of the room's journal at the end. */
  seq: number
  /** The numbers each client was handed, in the order they came. */
  seqs: number[][]
  /** The texts that the first client was handed. */
  bodies: string[]
  /** The numbers that the writes got. */
  written: (number | undefined)[]
  kills: number
  /** Milliseconds from each loss of a connection, or from when the system was back, to the next welcome. */
  resumes: number[]
}

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
}

/**
 * A call with twenty clients and so many messages, over a network that resets, evictions of the room and two kills of
 * workerd. Needs a system with its doors open.
 */
export async function roomChaos(system: System, messages: number): Promise<RoomChaos> {
  const doors = openDoors(system)
  const [agent, supervisor, admin] = await Promise.all([
    signInAs(system, 'agent'),
    signInAs(system, 'supervisor'),
    signInAs(system, 'admin'),
  ])
  const proxies = await Promise.all(
    Array.from({ length: PROXIES }, () => startFaultProxy(system.port)),
  )
  const { data: call } = await agent.client.call(calls.start, { body: { to: '+12025550101' } })
  // An account has ten sockets at most, and one that was reset counts until the server knows.
  const people = [supervisor, admin, agent, supervisor, admin]
  const followers = Array.from({ length: CLIENTS }, (_, i) =>
    followCall(people[i % people.length] ?? agent, call.id, proxies[i % PROXIES]?.wsUrl),
  )
  const writers = Array.from({ length: WRITERS }, () => followCall(agent, call.id))
  const resumes = new Resumes()
  const watch = setInterval(() => {
    for (const [index, follower] of followers.entries()) resumes.look(index, follower)
  }, 5)
  try {
    await waitFor(() => followers.every((follower) => follower.connections() > 0), {
      what: 'every client to be connected',
      timeoutMs: 90_000,
    })
    const each = messages / WRITERS
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
    const done = () => {
      writing = false
    }
    written.then(done, done)
    // The faults: a network that resets, an object that is evicted, a machine that dies.
    const killAt = [messages * 0.3, messages * 0.7]
    let kills = 0
    for (let round = 0; writing; round++) {
      const seen = Math.max(...followers.map(({ events }) => events.length))
      const next = killAt[kills]
      if (next !== undefined && seen > next) {
        kills += 1
        await system.kill()
        await system.restart()
        resumes.systemIsBack()
      } else if (round % 4 === 0) await doors.crash('CALL_ROOM', call.id).catch(() => {})
      else proxies[round % PROXIES]?.reset()
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    const acks = await written
    await waitFor(
      () => agent.client.call(calls.hangup, { params: { id: call.id }, idempotencyKey: 'end' }),
      { what: 'the call to be hung up', timeoutMs: 60_000 },
    )
    const { data: ended } = await waitFor(
      async () => {
        const answer = await agent.client.call(calls.get, { params: { id: call.id } })
        return answer.data.endedAt === null ? undefined : answer
      },
      { what: 'the call to end', timeoutMs: 60_000 },
    )
    await waitFor(() => followers.every(({ events }) => events.at(-1)?.seq === ended.seq), {
      what: 'every client to have every event',
      timeoutMs: 90_000,
    })
    return {
      seq: ended.seq,
      seqs: followers.map((follower) => follower.seqs()),
      bodies: (followers[0]?.events ?? []).flatMap(({ type, data }) =>
        type === 'message.created' ? [String((data as { body?: unknown }).body)] : [],
      ),
      written: acks.map(({ seq }) => seq),
      kills,
      resumes: resumes.taken,
    }
  } finally {
    clearInterval(watch)
    for (const { socket } of [...followers, ...writers]) socket.close()
    for (const proxy of proxies) await proxy.close()
  }
}
