import { type WebSocket, WebSocketServer } from 'ws'

/** The least that a room can do: every message goes to every socket at once, nothing is kept. */
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1' })
let seq = 0
server.on('connection', (socket: WebSocket) => {
  socket.send(JSON.stringify({ type: 'welcome', data: {} }))
  socket.on('message', (raw: Buffer) => {
    const { data } = JSON.parse(raw.toString()) as { data: { body: string } }
    seq += 1
    const text = JSON.stringify({
      type: 'message.created',
      seq,
      time: new Date().toISOString(),
      actor: '019aa5b8-7c00-7000-8000-000000000001',
      data: {
        messageId: '019aa5b8-7c00-7000-8000-000000000002',
        from: '019aa5b8-7c00-7000-8000-000000000001',
        ...data,
      },
    })
    for (const client of server.clients) client.send(text)
  })
})
