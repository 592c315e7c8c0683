import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Session } from '@menagerie/client'
import { calls, users } from '@menagerie/contracts/routes'
import { freePort, temporaryFolder, waitFor } from '@menagerie/testing'
import { median, quantile } from '../load.ts'
import { startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { type CountingClient, countingClient } from '../rooms/counting-client.ts'

const SOCKETS = 100
/** An account has at most ten sockets to a call. */
const ACCOUNTS = 10
/** Those of the account that is in the call: the others only listen. */
const WRITERS = SOCKETS / ACCOUNTS
/** A socket may send a burst of 40. */
const EACH = 40
const BURST = WRITERS * EACH
const ROUNDS = 5
const PACED_PER_SECOND = 100
const PACED_SECONDS = 10

interface Room {
  clients: CountingClient[]
  close: () => void
}

/**
 * One room with 100 sockets: a burst of events, as many as ten of them may send at once, to each of them, against `ws`
 * broadcasting the same events from memory in another process; and how long an event takes at 100 a second. Nobody
 * compresses there. Shown besides is what the room does for clients that offer to, as browsers do: workerd then deflates
 * every frame for every socket, and the peer still none.
 */
export async function roomFanOut(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-room')
  const ours = await startOurs(
    folder.path,
    { CALL_STARTS_PER_MINUTE: '100000' },
    { role: 'supervisor', count: ACCOUNTS },
  )
  const port = await freePort()
  const peer = fork(fileURLToPath(new URL('../peers/ws-broadcast.ts', import.meta.url)), [
    String(port),
  ])
  try {
    const sessions = await ours.signInMore()
    // Closed at the end: a hundred sockets that go would be work beside the next measurement.
    const rooms: Room[] = []
    const rates = { ours: [] as number[], plain: [] as number[], ws: [] as number[] }
    for (let round = 0; round <= ROUNDS; round++) {
      // A fresh room each time, so that no round reads another's journal.
      const room = await openRoom(sessions)
      rates.ours.push(await burst(room, round))
      const plain = await openRoom(sessions, () => {}, false)
      rates.plain.push(await burst(plain, round))
      rooms.push(room, plain)
      const bare = await openBare(port)
      rates.ws.push(await burst(bare, round))
      bare.close()
    }
    for (const room of rooms) room.close()
    // The first round warms all of them up.
    for (const list of Object.values(rates)) list.shift()
    const against = (list: readonly number[]) => {
      const ratio = median(list.map((rate, i) => rate / (rates.ws[i] ?? Number.NaN)))
      const shown = `${median(list).toFixed(0)} : ${median(rates.ws).toFixed(0)} deliveries/s`
      return { ratio, measured: `${ratio.toFixed(2)} (${shown})` }
    }
    const plain = against(rates.plain)
    const delays = { plain: await paced(sessions, false), deflated: await paced(sessions, true) }
    const p95 = quantile(delays.plain, 0.95)
    return [
      {
        what: `${BURST} events to ${SOCKETS} sockets of one room : ws without persistence`,
        measured: plain.measured,
        goal: '≥ 1.00',
        met: plain.ratio >= 1,
      },
      {
        what: 'the same, the room deflating every frame for every socket, ws none',
        measured: against(rates.ours).measured,
      },
      {
        what: `the same room at ${PACED_PER_SECOND} events a second, p95 of delivery`,
        measured: millis(delays.plain),
        goal: '< 25 ms',
        met: p95 < 25,
      },
      { what: 'the same, deflating', measured: millis(delays.deflated) },
    ]
  } finally {
    peer.kill('SIGTERM')
    await once(peer, 'exit')
    await ours.runtime.dispose()
    await folder.remove()
  }
}

const millis = (delays: readonly number[]): string =>
  [0.95, 0.5, 0.99]
    .map((share) => `p${share * 100} ${quantile(delays, share).toFixed(1)} ms`)
    .join(', ')

async function openRoom(
  sessions: readonly Session[],
  onEvent: (data: Record<string, unknown>) => void = () => {},
  compressed = true,
): Promise<Room> {
  const [first, second] = sessions
  if (first === undefined || second === undefined) throw new Error('nobody has signed in')
  const { data: callee } = await second.client.call(users.profile)
  const { data: call } = await first.client.call(calls.start, {
    body: { to: `user:${callee.id}`, ringTimeoutSeconds: 600 },
  })
  const clients: CountingClient[] = []
  for (let i = 0; i < SOCKETS; i++) {
    const session = sessions[i % sessions.length] as Session
    const { data } = await session.client.call(calls.ticket, { params: { id: call.id } })
    const protocols = ['menagerie.v1', `ticket.${data.ticket}`]
    clients.push(await countingClient(data.url, protocols, onEvent, compressed))
  }
  return { clients, close: () => closeAll(clients) }
}

async function openBare(port: number): Promise<Room> {
  const clients: CountingClient[] = []
  await waitFor(
    async () => {
      clients.push(await countingClient(`ws://127.0.0.1:${port}`, []))
      return true
    },
    { what: 'the peer to listen' },
  )
  while (clients.length < SOCKETS) clients.push(await countingClient(`ws://127.0.0.1:${port}`, []))
  return { clients, close: () => closeAll(clients) }
}

/** The sockets of the first account, which started the call. */
const writersOf = (clients: readonly CountingClient[]): CountingClient[] =>
  clients.filter((_, i) => i % ACCOUNTS === 0)

const closeAll = (clients: readonly CountingClient[]): void => {
  for (const client of clients) client.close()
}

const message = (id: string, body: string): string =>
  JSON.stringify({ type: 'message.send', id, data: { clientMessageId: id, body } })

/** Deliveries a second until everybody has everything. */
async function burst({ clients }: Room, round: number): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < EACH; i++)
    for (const [index, client] of writersOf(clients).entries())
      client.send(message(`${round}-${index}-${i}`, `message ${i} of client ${index}`))
  await waitFor(() => clients.every(({ count }) => count >= BURST), {
    what: 'every client to have every event',
    timeoutMs: 120_000,
    intervalMs: 2,
  })
  return (BURST * SOCKETS * 1000) / (performance.now() - began)
}

/** Milliseconds from a client's send to each client's receipt, without the first second. */
async function paced(sessions: readonly Session[], compressed: boolean): Promise<number[]> {
  const delays: number[] = []
  const sentAt = new Map<string, number>()
  const note = ({ body }: Record<string, unknown>) => {
    const at = sentAt.get(String(body))
    if (at !== undefined) delays.push(performance.now() - at)
  }
  const room = await openRoom(sessions, note, compressed)
  const total = PACED_PER_SECOND * PACED_SECONDS
  const began = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const pace = setInterval(() => {
      const due = ((performance.now() - began) / 1000) * PACED_PER_SECOND
      for (; sent < Math.min(total, due); sent++) {
        const body = `paced ${sent}`
        if (sent >= PACED_PER_SECOND) sentAt.set(body, performance.now())
        writersOf(room.clients)[sent % WRITERS]?.send(message(`paced-${sent}`, body))
      }
      if (sent < total) return
      clearInterval(pace)
      resolve()
    }, 1)
  })
  await waitFor(() => room.clients.every(({ count }) => count >= total), {
    what: 'every client to have every paced event',
    timeoutMs: 30_000,
  })
  room.close()
  return delays
}
