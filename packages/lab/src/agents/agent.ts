import { createSession, openSocket, type ResumingSocket } from '@menagerie/client'
import { agents, calls } from '@menagerie/contracts/routes'

export interface AgentOptions {
  gatewayUrl: string
  username: string
  password: string
  /** How long the agent talks before hanging up. */
  talkSeconds: number
  say: (line: string) => void
}

/** What the agent reads of the desk's events. */
interface DeskEvent {
  reservation?: { id: string; contact: { callId: string; from: string }; waitSeconds: number }
  name?: string
  callId?: string
  status?: string
  from?: string
}

/** An agent at work: available, takes every contact and every call that rings, talks for a while and hangs up. */
export async function startAgent(
  options: AgentOptions,
  signal: AbortSignal,
): Promise<{ stop: () => Promise<void> }> {
  const { gatewayUrl, username, password, talkSeconds, say } = options
  const session = createSession({ baseUrl: gatewayUrl })
  await session.signIn({ username, password })
  const { client } = session
  const rooms = new Map<string, ResumingSocket>()
  const talks = new Map<string, NodeJS.Timeout>()
  const failed = (what: string) => (error: unknown) =>
    say(`${what}: ${error instanceof Error ? error.message : error}`)

  /** Sits in a call until it ends. */
  const join = (callId: string) => {
    const room = openSocket({
      connect: async () => (await client.call(calls.ticket, { params: { id: callId } })).data,
      onEvent: () => {},
      onState: ({ name }) => {
        if (name === 'stopped') rooms.delete(callId)
      },
    })
    rooms.set(callId, room)
    const hangUp = () => {
      talks.delete(callId)
      client
        .call(calls.hangup, { params: { id: callId } })
        .then(() => say(`hung up ${callId}`), failed(`${callId} was over`))
    }
    talks.set(callId, setTimeout(hangUp, talkSeconds * 1000))
  }
  const take = async (type: string, data: DeskEvent) => {
    if (type === 'agent.activity') say(`is ${data.name}`)
    if (type === 'reservation.created' && data.reservation !== undefined) {
      const { id, contact, waitSeconds } = data.reservation
      say(`takes ${contact.from}, who waited ${waitSeconds} s: ${contact.callId}`)
      await client.call(agents.accept, { params: { id } })
      join(contact.callId)
    }
    if (type === 'call.status' && data.status === 'ringing' && data.callId !== undefined) {
      say(`is called by ${data.from}: ${data.callId}`)
      await client.call(calls.answer, { params: { id: data.callId } })
      join(data.callId)
    }
  }
  const desk = openSocket({
    connect: async () => (await client.call(agents.ticket)).data,
    onEvent: ({ type, data }) => {
      take(type, (data ?? {}) as DeskEvent).catch(failed(type))
    },
  })
  const stop = async () => {
    for (const talk of talks.values()) clearTimeout(talk)
    for (const room of rooms.values()) room.close()
    desk.close()
    await client.call(agents.setActivity, { body: { name: 'offline' } }).catch(failed('offline'))
    await session.signOut()
  }
  try {
    await client.call(agents.setActivity, { body: { name: 'available' }, signal })
  } catch (error) {
    await stop()
    throw error
  }
  return { stop }
}
