import WebSocket from 'ws'

/** A socket that counts the events it gets, alone or in batches, and tells of each. The same code listens to the peer. */
export interface CountingClient {
  send(text: string): void
  close(): void
  /** Events so far. */
  readonly count: number
}

/**
 * Opens a socket; resolved once it is open and, where the server greets, greeted.
 *
 * @param compressed whether it offers `permessage-deflate`, as browsers do: workerd takes the offer, a plain `ws` server does not
 */
export function countingClient(
  url: string,
  protocols: string[],
  onEvent: (data: Record<string, unknown>) => void = () => {},
  compressed = true,
): Promise<CountingClient> {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: compressed })
  let count = 0
  const take = (event: { type: string; data: unknown }) => {
    if (event.type !== 'message.created') return
    count += 1
    onEvent(event.data as Record<string, unknown>)
  }
  const client: CountingClient = {
    send: (text) => socket.send(text),
    close: () => socket.terminate(),
    get count() {
      return count
    },
  }
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (raw: Buffer) => {
      const frame = JSON.parse(raw.toString()) as { type: string; data: unknown }
      if (frame.type === 'welcome') resolve(client)
      else if (frame.type === 'batch')
        for (const event of (frame.data as { events: { type: string; data: unknown }[] }).events)
          take(event)
      else take(frame)
    })
  })
}
