import { env } from 'cloudflare:workers'
import type { Downlink } from '@menagerie/contracts'
import type { Principal } from '@menagerie/core'
import { vi } from 'vitest'
import type { DeviceMessage, DeviceTwinApi, TopicKind } from '../../src/device-twin/index.ts'

export const ann = '019aa5b8-7c00-7000-8000-000000000001'
export const bob = '019aa5b8-7c00-7000-8000-000000000002'

export function principal(change: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    id: ann,
    username: '+12025550101',
    sessionId: 'session-1',
    clientId: 'menagerie',
    roles: [],
    permissions: [],
    acr: '1',
    issuedAt: Date.now(),
    expiresAt: Date.now() + 10 * 86_400_000,
    ...change,
  }
}

export type Twin = DurableObjectStub & DeviceTwinApi

let devices = 0

export const unmadeTwin = (): { id: string; twin: Twin } => {
  const id = `device-${devices++}`
  return { id, twin: env.DEVICE_TWIN.getByName(id) as unknown as Twin }
}

/** Ann's device, which nobody else uses. */
export async function makeTwin(): Promise<{ id: string; twin: Twin }> {
  const made = unmadeTwin()
  const created = await made.twin.create(principal(), createCommand(made.id))
  if (!created.ok) throw new Error(created.error.code)
  return made
}

export const createCommand = (id: string, key: string | null = null) => ({
  id,
  key,
  name: 'Cellar',
  ownerId: ann,
  metadata: { room: 'cellar' },
})

const topicOf = (id: string, of: TopicKind): string => {
  switch (of.kind) {
    case 'presence':
      return `v1/devices/${id}/presence`
    case 'telemetry':
      return `v1/devices/${id}/telemetry/${of.stream}`
    case 'event':
      return `v1/devices/${id}/events/${of.name}`
    case 'reported':
      return `v1/devices/${id}/twin/reported`
    case 'get':
      return `v1/devices/${id}/twin/get`
    case 'answer':
      return `v1/devices/${id}/commands/${of.commandId}/${of.answer}`
    case 'shadow':
      return `$aws/things/${id}/shadow/${of.action}`
  }
}

/** A message as the Worker passes it on; a payload that is no text is sent as JSON. */
export function message(id: string, of: TopicKind, payload: unknown): DeviceMessage {
  return {
    topic: topicOf(id, of),
    of,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    qos: 1,
    receivedAt: new Date().toISOString(),
  }
}

export const climate = { kind: 'telemetry', stream: 'climate' } as const
export const online = (session: string) => ({ state: 'online', session })
export const offline = (session: string) => ({ state: 'offline', session })

/** What a call answered, where the test means it to succeed. */
export async function value<T>(
  result: Promise<{ ok: true; value: T } | { ok: false; error: { code: string } }>,
): Promise<T> {
  const answered = await result
  if (!answered.ok) throw new Error(answered.error.code)
  return answered.value
}

export async function migrate(): Promise<void> {
  await env.DB.batch([
    env.DB.prepare(`CREATE TABLE IF NOT EXISTS devices (id TEXT PRIMARY KEY, seq INTEGER NOT NULL,
      name TEXT NOT NULL, owner_id TEXT NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
      inactivity_timeout_seconds INTEGER, active INTEGER NOT NULL, state TEXT NOT NULL,
      last_seen_at INTEGER, created_at INTEGER NOT NULL)`),
    env.DB.prepare(`CREATE TABLE IF NOT EXISTS device_tags (device_id TEXT NOT NULL, tag TEXT NOT NULL,
      owner_id TEXT NOT NULL, PRIMARY KEY (device_id, tag))`),
    env.DB.prepare('CREATE TABLE IF NOT EXISTS retired_devices (id TEXT PRIMARY KEY)'),
    env.DB.prepare('CREATE TABLE IF NOT EXISTS received (queue TEXT NOT NULL, body TEXT NOT NULL)'),
  ])
}

/** CloudEvents about a device that came out of a queue. */
export async function received(queue: string, subject: string) {
  const { results } = await env.DB.prepare('SELECT body FROM received WHERE queue = ?')
    .bind(queue)
    .all<{ body: string }>()
  return results
    .map(({ body }) => JSON.parse(body) as { type: string; subject: string; data: object })
    .filter((event) => event.subject === subject)
}

/** A bridge at its link: keeps what it is sent, and answers nothing by itself. */
export class Bridge {
  readonly frames: { type: string; id?: string; data: Record<string, unknown> }[] = []
  readonly socket: WebSocket
  pongs = 0
  closed: { code: number; reason: string } | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      if (data === 'pong') this.pongs++
      else this.frames.push(JSON.parse(String(data)))
    })
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
      socket.close()
    })
    socket.accept()
  }

  get messages(): Downlink[] {
    return this.frames
      .filter(({ type }) => type === 'publish')
      .flatMap(({ data }) => data.messages as Downlink[])
  }

  published(ids: string[]): void {
    this.send({ type: 'published', data: { ids } })
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition, () => JSON.stringify(this.frames.slice(-3)).slice(-2_000))
  }
}

export const until = (condition: () => boolean, seen: () => string): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting; got ${seen()}`)
    },
    { timeout: 8_000, interval: 5 },
  )

/** @param instance names the process; another one with each call unless given */
export async function connectBridge(
  link: string,
  headers: Record<string, string> = {},
  instance: string = crypto.randomUUID(),
): Promise<Bridge> {
  const url = `http://link/devices/bridge/ws?instance=${instance}`
  const response = await env.BRIDGE_LINK.getByName(link).fetch(url, {
    headers: {
      upgrade: 'websocket',
      'sec-websocket-protocol': 'menagerie.v1',
      'x-menagerie-token-expires': String(Date.now() + 600_000),
      ...headers,
    },
  })
  if (response.webSocket === null) throw new Error(`refused: ${response.status}`)
  return new Bridge(response.webSocket)
}
