import { fileURLToPath } from 'node:url'
import type { Session } from '@menagerie/client'
import { agents, queues } from '@menagerie/contracts/routes'
import { newId } from '@menagerie/core/ids'
import { temporaryFolder, waitFor } from '@menagerie/testing'
import WebSocket from 'ws'
import { startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { queueAlone } from './queue-alone.ts'

const AGENTS = 100
const CONTACTS = 5_000
const FEW = 1_250

const driverConfig = {
  name: 'offer-driver',
  main: fileURLToPath(new URL('../peers/offer-driver.ts', import.meta.url)),
  compatibility_date: '2026-11-01',
  compatibility_flags: ['nodejs_compat'],
  durable_objects: {
    bindings: [
      {
        name: 'CONTACT_QUEUE',
        class_name: 'ContactQueue',
        script_name: 'menagerie-communications',
      },
    ],
  },
}

/** Contacts that wait, to a hundred agents: the whole way in one workerd, and what the queue does of it by itself. */
export async function assignment(): Promise<Finding[]> {
  return [...(await wholeChain()), ...(await alone())]
}

/** The queue alone, whose desks are stand-ins that accept at once. */
async function alone(): Promise<Finding[]> {
  const [, few = 0, many = 0] = await queueAlone(AGENTS, [FEW, FEW, CONTACTS])
  return [
    {
      what: `the queue alone: ${CONTACTS} contacts to ${AGENTS} stand-ins of desks`,
      measured: `${many.toFixed(0)}/s`,
      goal: '≥ 300/s',
      met: many >= 300,
    },
    linear('the queue alone', many, few),
  ]
}

const linear = (whose: string, many: number, few: number): Finding => ({
  what: `${whose}: ${CONTACTS} contacts : ${FEW} (1 is linear)`,
  measured: `${(many / few).toFixed(2)} (${many.toFixed(0)}/s : ${few.toFixed(0)}/s)`,
  goal: '≥ 0.80',
  met: many / few >= 0.8,
})

/**
 * Queue → desk → socket → desk → room and queue, to agents who take whatever they are offered. No calls stand behind
 * the contacts: the room of each is opened to say so, and the agent is free again. The list, the history and its
 * reports are written in the same thread.
 */
async function wholeChain(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-assignment')
  const ours = await startOurs(folder.path, {}, { role: 'agent', count: AGENTS }, [driverConfig])
  try {
    // Asked for first: Miniflare waits for the runtime then and reads none of its output, which a hundred desks fill.
    const driver = await ours.runtime.getWorker('offer-driver')
    const offer: Offer = async (queueId, callIds) => {
      const body = JSON.stringify({ queueId, callIds })
      const response = await driver.fetch('http://driver/', { method: 'POST', body })
      if (!response.ok) throw new Error(`the driver answered ${response.status}`)
    }
    await offer('nobody', [])
    const { session: supervisor } = await ours.signIn('supervisor')
    const accepted = { count: 0 }
    const sockets: WebSocket[] = []
    for (const session of await ours.signInMore()) sockets.push(await takeAll(session, accepted))
    // One queue for all: an agent who serves three tells each of them where it stands.
    const { data: queue } = await supervisor.client.call(queues.create, {
      body: { name: `bench ${newId()}` },
    })
    // The first warms up.
    await rate(offer, queue.id, accepted, FEW)
    const few = await rate(offer, queue.id, accepted, FEW)
    const many = await rate(offer, queue.id, accepted, CONTACTS)
    for (const socket of sockets) socket.terminate()
    return [
      {
        what: `queue, desk, socket, desk, room: ${CONTACTS} contacts to ${AGENTS} agents`,
        measured: `${many.toFixed(0)}/s`,
        goal: '≥ 300/s',
        met: many >= 300,
      },
      linear('the whole chain', many, few),
    ]
  } finally {
    await ours.runtime.dispose()
    await folder.remove()
  }
}

/** An agent who is available and accepts every reservation the moment it comes. */
async function takeAll({ client }: Session, accepted: { count: number }): Promise<WebSocket> {
  const { data } = await client.call(agents.ticket)
  const socket = new WebSocket(data.url, ['menagerie.v1', `ticket.${data.ticket}`])
  const take = (event: { type: string; data: unknown }) => {
    if (event.type === 'reservation.accepted') accepted.count += 1
    if (event.type !== 'reservation.created') return
    const { id } = (event.data as { reservation: { id: string } }).reservation
    socket.send(JSON.stringify({ type: 'reservation.accept', id, data: { id } }))
  }
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (raw: Buffer) => {
      const frame = JSON.parse(raw.toString()) as { type: string; data: unknown }
      if (frame.type === 'welcome') resolve()
      else if (frame.type === 'batch')
        for (const event of (frame.data as { events: { type: string; data: unknown }[] }).events)
          take(event)
      else take(frame)
    })
  })
  await client.call(agents.setActivity, { body: { name: 'available' } })
  return socket
}

type Offer = (queueId: string, callIds: readonly string[]) => Promise<void>

async function rate(
  offer: Offer,
  queueId: string,
  accepted: { count: number },
  contacts: number,
): Promise<number> {
  const callIds = Array.from({ length: contacts }, newId)
  const before = accepted.count
  const began = performance.now()
  const offered = offer(queueId, callIds)
  await waitFor(() => accepted.count - before >= contacts, {
    what: 'every contact to be taken',
    timeoutMs: 400_000,
    intervalMs: 5,
  })
  const perSecond = (contacts * 1000) / (performance.now() - began)
  await offered
  return perSecond
}
