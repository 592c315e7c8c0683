import type { Session } from '@menagerie/client'
import { calls, reports, users } from '@menagerie/contracts/routes'
import { temporaryFolder, waitFor } from '@menagerie/testing'
import { quantile } from '../load.ts'
import { startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { type CountingClient, countingClient } from '../rooms/counting-client.ts'

const CALLS = 1_000
const ACCOUNTS = 40
/** Over all calls: each of the 2,000 participants says something every ten seconds. */
const PER_SECOND = 200
const SECONDS = 20
const STARTED_AT_ONCE = 10

/** A call between two browsers, seen by both. */
interface Room {
  clients: [CountingClient, CountingClient]
}

/** 1,000 calls between browsers at once, and how long an event takes in one of them against a call that is alone. */
export async function thousandCalls(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-calls')
  const ours = await startOurs(
    folder.path,
    { CALL_STARTS_PER_MINUTE: '100000' },
    { role: 'agent', count: ACCOUNTS },
  )
  try {
    const sessions = await ours.signInMore()
    const ids = await Promise.all(
      sessions.map(async ({ client }) => (await client.call(users.profile)).data.id),
    )
    const delays: number[] = []
    const sentAt = new Map<string, number>()
    const seen = ({ body }: Record<string, unknown>) => {
      const at = sentAt.get(String(body))
      if (at !== undefined) delays.push(performance.now() - at)
    }
    const open = (index: number) => openRoom(sessions, ids, index, seen)
    const alone = [await open(0)]
    const idle = await measure(alone, sentAt, delays, 10, 'idle')
    const rooms = [...alone]
    let next = 1
    const lane = async () => {
      while (next < CALLS) rooms.push(await open(next++))
    }
    await Promise.all(Array.from({ length: STARTED_AT_ONCE }, lane))
    // The calls run; what their starts have set going in reports is over.
    const { session: supervisor } = await ours.signIn('supervisor')
    await waitFor(
      async () => {
        const report = await supervisor.client.call(reports.summary)
        if (typeof report === 'string') throw new Error('the report came as CSV')
        return report.data.totals.callsAnswered.value === CALLS
      },
      { what: 'every call to be counted', timeoutMs: 120_000, intervalMs: 1_000 },
    )
    // Rooms that nobody spoke in for ten seconds have left memory: every one of them is woken first.
    await measure(rooms, sentAt, delays, PER_SECOND, 'waking')
    const before = rooms.map(({ clients }) => clients.map(({ count }) => count))
    const busy = await measure(rooms, sentAt, delays, PER_SECOND, 'busy')
    const got = rooms.flatMap(({ clients }, room) =>
      clients.map(({ count }, i) => count - (before[room]?.[i] ?? 0)),
    )
    const missed = 2 * PER_SECOND * SECONDS - got.reduce((sum, count) => sum + count, 0)
    const ratio = busy / idle
    return [
      {
        what: `events missed in ${CALLS} calls of two at ${PER_SECOND} events a second`,
        measured: String(missed),
        goal: '0',
        met: missed === 0,
      },
      {
        what: 'p95 of an event there : in a call that is alone',
        measured: `${ratio.toFixed(2)} (${busy.toFixed(1)} ms : ${idle.toFixed(1)} ms)`,
        goal: '≤ 3',
        met: ratio <= 3,
      },
    ]
  } finally {
    await ours.runtime.dispose()
    await folder.remove()
  }
}

async function openRoom(
  sessions: readonly Session[],
  ids: readonly string[],
  index: number,
  seen: (data: Record<string, unknown>) => void,
): Promise<Room> {
  const caller = sessions[index % ACCOUNTS] as Session
  const calleeIndex = (index + 1 + (Math.floor(index / ACCOUNTS) % (ACCOUNTS - 1))) % ACCOUNTS
  const callee = sessions[calleeIndex] as Session
  const { data: call } = await caller.client.call(calls.start, {
    body: { to: `user:${ids[calleeIndex]}`, ringTimeoutSeconds: 600 },
  })
  const join = async (session: Session) => {
    const { data } = await session.client.call(calls.ticket, { params: { id: call.id } })
    return countingClient(data.url, ['menagerie.v1', `ticket.${data.ticket}`], seen)
  }
  const clients: [CountingClient, CountingClient] = [await join(caller), await join(callee)]
  await callee.client.call(calls.answer, { params: { id: call.id } })
  return { clients }
}

/** Sends evenly over all rooms; returns the p95 of delivery in milliseconds once everything has arrived. */
async function measure(
  rooms: readonly Room[],
  sentAt: Map<string, number>,
  delays: number[],
  perSecond: number,
  name: string,
): Promise<number> {
  delays.length = 0
  const total = perSecond * SECONDS
  const began = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const pace = setInterval(() => {
      const due = Math.min(total, ((performance.now() - began) / 1000) * perSecond)
      for (; sent < due; sent++) {
        const body = `${name} ${sent}`
        const client = rooms[sent % rooms.length]?.clients[Math.floor(sent / rooms.length) % 2]
        sentAt.set(body, performance.now())
        client?.send(
          JSON.stringify({ type: 'message.send', id: body, data: { clientMessageId: body, body } }),
        )
      }
      if (sent < total) return
      clearInterval(pace)
      resolve()
    }, 1)
  })
  // What is missed is counted by the caller: the wait ends either way.
  await waitFor(() => delays.length >= 2 * total, {
    what: 'every event to arrive',
    timeoutMs: 30_000,
  }).catch(() => {})
  return quantile(delays, 0.95)
}
