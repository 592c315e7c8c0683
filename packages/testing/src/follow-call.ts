import {
  createSession,
  type EventFrame,
  openSocket,
  type ResumingSocket,
  type Session,
} from '@menagerie/client'
import { calls } from '@menagerie/contracts/routes'
import WebSocket from 'ws'
import type { DemoUser } from './launcher/demo-users.ts'
import type { RunningSystem } from './launcher/system.ts'

/** Wrangler takes connections before workerd runs, and one of those may never be answered. */
const TRY_MS = 1_500

/**
 * workerd keeps the TCP connection of a hibernating socket open after it has closed the WebSocket (a local matter; what
 * the server says is all said by then). `ws` waits 30 s for the end unless told otherwise.
 */
export class PromptWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, {
      closeTimeout: 500,
      handshakeTimeout: TRY_MS,
    } as WebSocket.ClientOptions)
  }
}

/** A client in a call's room that writes down every event it is handed. */
export interface Follower {
  readonly socket: ResumingSocket
  readonly events: EventFrame[]
  /** Numbers in the order they came. */
  seqs(): number[]
  statuses(): string[]
  /** How often it was connected. */
  connections(): number
}

/** Signs a demo user in. */
export async function signInAs(system: RunningSystem, role: DemoUser['role']): Promise<Session> {
  const user = system.users.find((candidate) => candidate.role === role)
  if (!user) throw new Error(`there is no demo user with the role ${role}`)
  const session = createSession({ baseUrl: system.url })
  await session.signIn({ username: user.username, password: user.password })
  return session
}

/**
 * Follows a call from its first event, over as many connections as it takes.
 *
 * @param through the address to connect to instead of the ticket's, such as a fault proxy's (`ws://localhost:1234`)
 */
export function followCall(session: Session, callId: string, through?: string): Follower {
  const events: EventFrame[] = []
  let connections = 0
  const socket = openSocket({
    afterSeq: 0,
    WebSocket: PromptWebSocket,
    connect: async () => {
      const { data } = await session.client.call(calls.ticket, {
        params: { id: callId },
        signal: AbortSignal.timeout(TRY_MS),
      })
      const url = new URL(data.url)
      return { ticket: data.ticket, url: through ? `${through}${url.pathname}` : data.url }
    },
    onEvent: (event) => events.push(event),
    onWelcome: () => {
      connections += 1
    },
  })
  return {
    socket,
    events,
    seqs: () => events.map((event) => event.seq),
    statuses: () =>
      events
        .filter((event) => event.type === 'call.status')
        .map((event) => String((event.data as { status?: unknown } | null)?.status)),
    connections: () => connections,
  }
}

/** 1, 2, 3 … n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
