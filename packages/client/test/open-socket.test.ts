import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket as PeerSocket, WebSocketServer } from 'ws'
import {
  ApiError,
  FrameRefusedError,
  openSocket,
  type ResumingSocket,
  type SocketOptions,
  SocketStoppedError,
} from '../src/index.ts'

/** A journal behind a real `ws` server that speaks contract §4. */
async function room() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const peers = new Set<PeerSocket>()
  const asked: { protocols: string; afterSeq: string | null }[] = []
  const writes = new Map<string, number>()
  const self = {
    peers,
    asked,
    writes,
    head: 0,
    tickets: 0,
    /** The next socket is closed with this code, or broken, right after its welcome. */
    closeNext: undefined as number | undefined,
    silent: false,
    event: (seq: number) => ({ type: 'call.status', seq, data: { seq } }),
    append(count = 1) {
      const first = self.head + 1
      self.head += count
      const events = Array.from({ length: count }, (_, n) => self.event(first + n))
      for (const peer of peers) say(peer, { type: 'batch', data: { events } })
    },
    breakAll() {
      for (const peer of peers) peer.terminate()
    },
    connect: async () => {
      self.tickets += 1
      return { url: `ws://127.0.0.1:${port}/calls/1/ws`, ticket: `t${self.tickets}` }
    },
    close: async () => {
      self.breakAll()
      server.close()
      await once(server, 'close')
    },
  }
  server.on('connection', (peer, request) => {
    const url = new URL(request.url ?? '', 'ws://x')
    const afterSeq = url.searchParams.get('afterSeq')
    asked.push({ protocols: request.headers['sec-websocket-protocol'] ?? '', afterSeq })
    if (self.silent) return
    peers.add(peer)
    peer.on('close', () => peers.delete(peer))
    welcome(peer, afterSeq === null ? self.head : Number(afterSeq))
    if (self.closeNext) peer.close(self.closeNext)
    self.closeNext = undefined
    peer.on('message', (data) => receive(peer, data.toString()))
  })

  function welcome(peer: PeerSocket, afterSeq: number) {
    const data = { connectionId: 'c', seq: self.head, snapshot: { at: self.head }, resumed: true }
    say(peer, { type: 'welcome', data })
    for (let seq = afterSeq + 1; seq <= self.head; seq++) say(peer, self.event(seq))
  }
  function receive(peer: PeerSocket, text: string) {
    if (text === 'ping') return peer.send('pong')
    const frame = JSON.parse(text)
    if (frame.type === 'resume') return welcome(peer, frame.data.lastSeq)
    if (frame.type === 'call.bad')
      return say(peer, { type: 'error', data: { id: frame.id, code: 'conflict', detail: 'no' } })
    if (frame.type === 'call.break') {
      const known = writes.has(frame.id)
      writes.set(frame.id, writes.get(frame.id) ?? self.head + 1)
      if (known)
        return say(peer, { type: 'ack', data: { id: frame.id, seq: writes.get(frame.id) } })
      self.head += 1
      return peer.terminate()
    }
    return say(peer, { type: 'typing', data: frame.data })
  }
  cleanups.push(self.close)
  return self
}
const say = (peer: PeerSocket, frame: object) => peer.send(JSON.stringify(frame))
const handleProtocols = (protocols: Set<string>) => protocols.has('menagerie.v1') && 'menagerie.v1'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A socket whose waits between tries take no time, with everything it told. */
function join(options: Partial<SocketOptions> & Pick<SocketOptions, 'connect'>) {
  const seqs: number[] = []
  const socket: ResumingSocket = openSocket({
    onEvent: (event) => seqs.push(event.seq),
    random: () => 0,
    ...options,
  })
  cleanups.push(() => socket.close())
  return { seqs, socket }
}
const isLive = (socket: ResumingSocket) =>
  vi.waitFor(() => expect(socket.status).toEqual({ name: 'live' }))

test('it offers the ticket as a subprotocol and delivers what follows', async () => {
  const server = await room()
  const { seqs, socket } = join({ connect: server.connect })
  await isLive(socket)
  server.append(250)
  await vi.waitFor(() => expect(seqs).toHaveLength(250))
  expect(server.asked).toEqual([{ protocols: 'menagerie.v1, ticket.t1', afterSeq: null }])
  expect(socket.position).toBe(250)
})

test('over many broken connections it resumes with fresh tickets and misses nothing', async () => {
  const server = await room()
  const { seqs, socket } = join({ connect: server.connect, afterSeq: 0 })
  for (let round = 1; round <= 10; round++) {
    await isLive(socket)
    server.append(7)
    if (round % 2 === 0) await vi.waitFor(() => expect(seqs.at(-1)).toBe(server.head))
    server.breakAll()
    server.append(3)
    await vi.waitFor(() => expect(server.peers.size).toBe(1))
  }
  await vi.waitFor(() => expect(seqs).toHaveLength(100))
  expect(seqs).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
  expect(new Set(server.asked.map(({ protocols }) => protocols)).size).toBe(server.asked.length)
})

test("another WebSocket than the platform's may be given", async () => {
  const server = await room()
  const { seqs, socket } = join({ connect: server.connect, WebSocket: PeerSocket })
  await isLive(socket)
  server.append(2)
  await vi.waitFor(() => expect(seqs).toEqual([1, 2]))
})

test('a gap on an open socket is filled without a new connection', async () => {
  const server = await room()
  const { seqs, socket } = join({ connect: server.connect, afterSeq: 0 })
  await isLive(socket)
  server.head = 5
  for (const peer of server.peers) say(peer, server.event(5))
  await vi.waitFor(() => expect(seqs).toEqual([1, 2, 3, 4, 5]))
  expect(server.tickets).toBe(1)
})

test('a frame whose connection broke before its ack is sent again under the same id', async () => {
  const server = await room()
  const { socket } = join({ connect: server.connect, afterSeq: 0 })
  const ack = await socket.send('call.break', {}, 'once')
  expect(ack).toEqual({ id: 'once', seq: 1 })
  expect(server.writes).toEqual(new Map([['once', 1]]))
  expect(server.tickets).toBe(2)
})

test('a refused frame rejects with its code', async () => {
  const server = await room()
  const { socket } = join({ connect: server.connect })
  const refused = socket.send('call.bad', {})
  await expect(refused).rejects.toBeInstanceOf(FrameRefusedError)
  await expect(refused).rejects.toMatchObject({ code: 'conflict' })
  await expect(socket.send('call.large', { text: 'x'.repeat(70_000) })).rejects.toThrow('65536')
})

test('frames without a number go to onFrame', async () => {
  const server = await room()
  const shown: unknown[] = []
  const { socket } = join({ connect: server.connect, onFrame: (frame) => shown.push(frame.data) })
  expect(socket.emit('typing', {})).toBe(false)
  await isLive(socket)
  expect(socket.emit('typing', { on: true })).toBe(true)
  await vi.waitFor(() => expect(shown).toEqual([{ on: true }]))
})

test('an ended object stops it after what was missed, and rejects what waits', async () => {
  const server = await room()
  server.head = 3
  server.closeNext = 4410
  const { seqs, socket } = join({ connect: server.connect, afterSeq: 0 })
  const late = socket.send('call.hold', {}, 'late')
  await expect(late).rejects.toBeInstanceOf(SocketStoppedError)
  expect(seqs).toEqual([1, 2, 3])
  expect(socket.status).toEqual({ name: 'stopped', why: 'ended', code: 4410 })
  await expect(socket.send('call.hold', {})).rejects.toBeInstanceOf(SocketStoppedError)
})

test('after 4401 a fresh ticket is tried, and its refusal stops it', async () => {
  const server = await room()
  server.closeNext = 4401
  const problem = {
    type: 'about:blank',
    title: '',
    status: 401,
    detail: '',
    instance: '',
    code: 'unauthorized' as const,
    requestId: '',
  }
  const { socket } = join({
    connect: async () => {
      if (server.tickets === 1) throw new ApiError(problem)
      return server.connect()
    },
  })
  await vi.waitFor(() =>
    expect(socket.status).toEqual({ name: 'stopped', why: 'refused', code: 401 }),
  )
})

test('a server that does not answer is tried again until it does', async () => {
  const server = await room()
  let failures = 0
  const { socket } = join({
    connect: async () => {
      failures += 1
      if (failures === 1) throw new TypeError('fetch failed')
      if (failures === 2) return { url: 'ws://127.0.0.1:1/', ticket: 't' }
      if (failures === 3) return { url: 'no address', ticket: 't' }
      if (failures === 4) return { url: 'ws://127.0.0.1:1/', ticket: 'no token ü' }
      return server.connect()
    },
  })
  await isLive(socket)
  expect(failures).toBe(5)
})

test('a silent connection is given up after the clock has turned', async () => {
  const server = await room()
  server.silent = true
  const due: (() => void)[] = []
  const clock = { now: 0 }
  const timers = {
    now: () => clock.now,
    set: (work: () => void, delayMs: number) =>
      delayMs === 0 ? setTimeout(work, 0) : due.push(work),
    clear: () => undefined,
  }
  const { socket } = join({ connect: server.connect, timers })
  await vi.waitFor(() => expect(server.asked).toHaveLength(1))
  server.silent = false
  clock.now += 15_000
  for (const work of due.splice(0)) work()
  await isLive(socket)
  expect(server.asked).toHaveLength(2)
})

test('a callback that closes gets no further event of the same batch', async () => {
  const server = await room()
  const seqs: number[] = []
  const socket = openSocket({
    connect: server.connect,
    afterSeq: 0,
    onEvent: (event) => {
      seqs.push(event.seq)
      if (event.seq === 2) socket.close()
    },
  })
  await isLive(socket)
  server.append(5)
  await vi.waitFor(() => expect(server.peers.size).toBe(0))
  expect(seqs).toEqual([1, 2])
})
