import { type EventFrame, openSocket, type ResumingSocket, type Session } from '@menagerie/client'
import { agents } from '@menagerie/contracts/routes'
import { PromptWebSocket } from './follow-call.ts'
import { waitFor } from './wait-for.ts'

/** A tab of an agent that writes down every event of the desk. */
export interface DeskTab {
  readonly socket: ResumingSocket
  readonly events: EventFrame[]
  /** The data of the events of a type so far. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members an event has
  of(type: string): any[]
  /** Waits for the n-th event of a type and returns its data. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  wait(type: string, count?: number): Promise<any>
}

/** Opens a socket to the caller's own desk, from now on. */
export async function openDesk(session: Session): Promise<DeskTab> {
  const events: EventFrame[] = []
  const socket = openSocket({
    WebSocket: PromptWebSocket,
    connect: async () => (await session.client.call(agents.ticket)).data,
    onEvent: (event) => events.push(event),
  })
  const of = (type: string) =>
    events.filter((event) => event.type === type).map(({ data }) => data as never)
  await waitFor(() => socket.status.name === 'live', { what: 'the desk to be connected' })
  return {
    socket,
    events,
    of,
    wait: (type, count = 1) =>
      waitFor(() => of(type)[count - 1], {
        what: `the ${count}. ${type} at the desk`,
        timeoutMs: 15_000,
      }),
  }
}
